/* Myelin's guest ABI in C, version 1: the imports of `myelin:process`, and small helpers to read and build records.
 *
 * ABI.md beside this folder is the contract. Nothing here allocates, calls a library or writes outside the buffers that
 * it is given; C11 and C++ alike. Views point into the buffer that was parsed. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MYELIN_IMPORT(name) __attribute__((import_module("myelin:process"), import_name(name)))
#define MYELIN_EXPORT(name) __attribute__((export_name(name)))

MYELIN_IMPORT("receive") int32_t myelin_receive(void* buffer, uint32_t capacity, int64_t timeout_ns);
MYELIN_IMPORT("send") int64_t myelin_send(const void* message, uint32_t length);
MYELIN_IMPORT("respond") int32_t myelin_respond(int64_t id, const void* message, uint32_t length);
MYELIN_IMPORT("payload_read") int32_t myelin_payload_read(int64_t id, int64_t offset, void* buffer, uint32_t capacity);
MYELIN_IMPORT("payload_write") int32_t myelin_payload_write(int64_t id, const void* buffer, uint32_t length);
MYELIN_IMPORT("message_info") int32_t myelin_message_info(void* buffer, uint32_t capacity);

#define MYELIN_VERSION 1
#define MYELIN_FOREVER ((int64_t)-1)     /* timeout of receive; 0 does not wait */
#define MYELIN_NOWAIT ((int64_t)1 << 62) /* or-ed to the id of payload_read and payload_write */
#define MYELIN_NOT_YET (-1000)
#define MYELIN_DRAFT ((int64_t)0) /* the id under which payload_write fills the draft */

enum {
  MYELIN_ERROR_BAD_REQUEST = 1,
  MYELIN_ERROR_UNAUTHORIZED = 2,
  MYELIN_ERROR_FORBIDDEN = 3,
  MYELIN_ERROR_NO_SUCH_PROCESS = 4,
  MYELIN_ERROR_NO_SUCH_METHOD = 5,
  MYELIN_ERROR_TOO_LARGE = 6,
  MYELIN_ERROR_INVALID_MODULE = 7,
  MYELIN_ERROR_MAILBOX_FULL = 8,
  MYELIN_ERROR_CANCELLED = 9,
  MYELIN_ERROR_TRAPPED = 10,
  MYELIN_ERROR_GUEST_FAILED = 11,
  MYELIN_ERROR_UNKNOWN_PEER = 12,
  MYELIN_ERROR_OFFLINE = 13,
  MYELIN_ERROR_LINK_LOST = 14,
  MYELIN_ERROR_STOPPING = 15,
  MYELIN_ERROR_LIMIT = 16,
  MYELIN_ERROR_TIMEOUT = 17,
  MYELIN_ERROR_CONFLICT = 18,
  MYELIN_ERROR_PROTOCOL = 19,
  MYELIN_ERROR_IO = 20,
  MYELIN_ERROR_UNSUPPORTED = 21,
  MYELIN_ERROR_NO_SUCH_PROTOCOL = 22,
  MYELIN_ERROR_NO_SERIALIZER = 23,
  MYELIN_ERROR_NO_CHANNEL = 24,
  MYELIN_ERROR_NO_HANDLER = 25
};

enum { /* event of a received record */
       MYELIN_EVENT_REQUEST = 1,
       MYELIN_EVENT_CALL = 2,
       MYELIN_EVENT_RESPONSE = 3,
       MYELIN_EVENT_ERROR = 4,
       MYELIN_EVENT_ROOM = 5,
       MYELIN_EVENT_CANCELLED = 6,
       MYELIN_EVENT_READABLE = 7,
       MYELIN_EVENT_WRITABLE = 8
};

enum { /* flags of a received record */
       MYELIN_WANTS_RESPONSE = 1,
       MYELIN_HAS_PAYLOAD = 2,
       MYELIN_SIZE_KNOWN = 4,
       MYELIN_STREAM = 8,
       MYELIN_HAS_DEADLINE = 16,
       MYELIN_ROOM_FOLLOWS = 32
};

enum { /* flags of send and respond */
       MYELIN_SEND_WANTS_RESPONSE = 1,
       MYELIN_SEND_TELL_ACCEPTED = 2,
       MYELIN_PAYLOAD_IS_DRAFT = 4,
       MYELIN_PAYLOAD_OF_MESSAGE = 8
};

enum { /* who calls */
       MYELIN_CALLER_OPERATOR = 0,
       MYELIN_CALLER_PROCESS = 1,
       MYELIN_CALLER_PEER = 2,
       MYELIN_CALLER_TOKEN = 3,
       MYELIN_CALLER_ANONYMOUS = 4
};

/* Bytes that somebody else owns. */
typedef struct {
  const uint8_t* data;
  uint32_t size;
} myelin_bytes;

typedef struct {
  uint8_t event, flags, caller_kind;
  int64_t id;
  int64_t deadline_ns;   /* left, with MYELIN_HAS_DEADLINE */
  uint64_t payload_size; /* with MYELIN_SIZE_KNOWN */
  uint32_t error, detail;
  myelin_bytes source, method, mime, context, metadata, caller, correlation, body, reason;
} myelin_record;

typedef struct {
  uint8_t flags; /* MYELIN_SEND_…, MYELIN_PAYLOAD_… */
  int64_t timeout_ns;
  uint64_t payload_id;
  myelin_bytes target, method, mime, context, metadata, body, payload;
} myelin_request;

typedef struct {
  uint8_t flags; /* MYELIN_PAYLOAD_… */
  uint16_t error;
  uint32_t detail;
  uint64_t payload_id;
  myelin_bytes reason, mime, metadata, body, payload;
} myelin_answer;

typedef struct {
  uint8_t event, flags, caller_kind;
  int64_t deadline_ns;
  uint64_t payload_size;
  myelin_bytes protocol, node, pid, name, method, path, caller, correlation, mime;
} myelin_info;

static inline myelin_bytes myelin_view(const void* data, uint32_t size) {
  myelin_bytes bytes;
  bytes.data = (const uint8_t*)data;
  bytes.size = size;
  return bytes;
}

static inline myelin_bytes myelin_text(const char* text) {
  uint32_t size = 0;
  while (text[size] != 0) ++size;
  return myelin_view(text, size);
}

static inline int myelin_equal(myelin_bytes bytes, const char* text) {
  uint32_t i = 0;
  for (; i < bytes.size; ++i)
    if (text[i] == 0 || (uint8_t)text[i] != bytes.data[i]) return 0;
  return text[i] == 0;
}

static inline uint64_t myelin_load(const uint8_t* at, uint32_t bytes) {
  uint64_t value = 0;
  for (uint32_t i = 0; i < bytes; ++i) value |= (uint64_t)at[i] << (8 * i);
  return value;
}

static inline void myelin_store(uint8_t* at, uint64_t value, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; ++i) at[i] = (uint8_t)(value >> (8 * i));
}

/* Reads `count` fields from `at` on. 0, or -1 if they do not fit into `size`. */
static inline int myelin_fields(const uint8_t* data, uint32_t size, uint32_t at, myelin_bytes** fields,
                                uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t length = 0, shift = 0;
    for (;;) {
      if (at >= size || shift > 28) return -1;
      uint8_t byte = data[at++];
      length |= (uint32_t)(byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7;
    }
    if (length > size - at) return -1;
    *fields[i] = myelin_view(data + at, length);
    at += length;
  }
  return 0;
}

/* Reads what `receive` wrote. 0, or -1 if it is not a record of this version. */
static inline int myelin_parse(const void* buffer, uint32_t size, myelin_record* out) {
  const uint8_t* data = (const uint8_t*)buffer;
  if (size < 48 || myelin_load(data, 4) != size || data[4] != MYELIN_VERSION) return -1;
  out->event = data[5];
  out->flags = data[6];
  out->caller_kind = data[7];
  out->id = (int64_t)myelin_load(data + 8, 8);
  out->deadline_ns = (int64_t)myelin_load(data + 16, 8);
  out->payload_size = myelin_load(data + 24, 8);
  out->error = (uint32_t)myelin_load(data + 32, 4);
  out->detail = (uint32_t)myelin_load(data + 36, 4);
  myelin_bytes* fields[9] = {&out->source, &out->method,      &out->mime, &out->context, &out->metadata,
                             &out->caller, &out->correlation, &out->body, &out->reason};
  return myelin_fields(data, size, 48, fields, 9);
}

/* Reads what `message_info` wrote. 0, or -1. */
static inline int myelin_parse_info(const void* buffer, uint32_t size, myelin_info* out) {
  const uint8_t* data = (const uint8_t*)buffer;
  if (size < 32 || myelin_load(data, 4) != size || data[4] != MYELIN_VERSION) return -1;
  out->event = data[5];
  out->flags = data[6];
  out->caller_kind = data[7];
  out->deadline_ns = (int64_t)myelin_load(data + 8, 8);
  out->payload_size = myelin_load(data + 16, 8);
  myelin_bytes* fields[9] = {&out->protocol, &out->node,   &out->pid,         &out->name, &out->method,
                             &out->path,     &out->caller, &out->correlation, &out->mime};
  return myelin_fields(data, size, 32, fields, 9);
}

static inline uint32_t myelin_fields_size(const myelin_bytes* const* fields, uint32_t count) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t length = fields[i]->size;
    size += length + 1;
    for (; length >= 0x80; length >>= 7) ++size;
  }
  return size;
}

/* Short pieces, eight bytes at a time. They do not overlap. */
static inline void myelin_copy(uint8_t* to, const uint8_t* from, uint32_t size) {
  if (size >= 8) {
    uint64_t last;
    __builtin_memcpy(&last, from + size - 8, 8);
    for (uint32_t i = 0; i + 8 < size; i += 8) __builtin_memcpy(to + i, from + i, 8);
    __builtin_memcpy(to + size - 8, &last, 8);
    return;
  }
  for (uint32_t i = 0; i < size; ++i) to[i] = from[i];
}

static inline void myelin_put_fields(uint8_t* at, const myelin_bytes* const* fields, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t length = fields[i]->size;
    for (; length >= 0x80; length >>= 7) *at++ = (uint8_t)(length | 0x80);
    *at++ = (uint8_t)length;
    myelin_copy(at, fields[i]->data, fields[i]->size);
    at += fields[i]->size;
  }
}

/* Writes the record into `buffer`: its size, or 0 if `capacity` is too small. The views must not lie in `buffer`. */
static inline uint32_t myelin_build_request(void* buffer, uint32_t capacity, const myelin_request* request) {
  const myelin_bytes* fields[7] = {&request->target,   &request->method, &request->mime,   &request->context,
                                   &request->metadata, &request->body,   &request->payload};
  uint32_t size = 32 + myelin_fields_size(fields, 7);
  uint8_t* data = (uint8_t*)buffer;
  if (size > capacity) return 0;
  myelin_store(data, size, 4);
  data[4] = MYELIN_VERSION;
  data[5] = request->flags;
  myelin_store(data + 6, 0, 2);
  myelin_store(data + 8, (uint64_t)request->timeout_ns, 8);
  myelin_store(data + 16, request->payload_id, 8);
  myelin_store(data + 24, 0, 8);
  myelin_put_fields(data + 32, fields, 7);
  return size;
}

/* As myelin_build_request, for respond. */
static inline uint32_t myelin_build_answer(void* buffer, uint32_t capacity, const myelin_answer* answer) {
  const myelin_bytes* fields[5] = {&answer->reason, &answer->mime, &answer->metadata, &answer->body, &answer->payload};
  uint32_t size = 24 + myelin_fields_size(fields, 5);
  uint8_t* data = (uint8_t*)buffer;
  if (size > capacity) return 0;
  myelin_store(data, size, 4);
  data[4] = MYELIN_VERSION;
  data[5] = answer->flags;
  myelin_store(data + 6, answer->error, 2);
  myelin_store(data + 8, answer->detail, 4);
  myelin_store(data + 12, 0, 4);
  myelin_store(data + 16, answer->payload_id, 8);
  myelin_put_fields(data + 24, fields, 5);
  return size;
}

/* Builds in `scratch` and sends: the id, or minus an error (too_large if `scratch` is too small). */
static inline int64_t myelin_send_request(void* scratch, uint32_t capacity, const myelin_request* request) {
  uint32_t size = myelin_build_request(scratch, capacity, request);
  return size == 0 ? -MYELIN_ERROR_TOO_LARGE : myelin_send(scratch, size);
}

/* Builds in `scratch` and responds: 0, or minus an error. */
static inline int32_t myelin_respond_answer(void* scratch, uint32_t capacity, int64_t id, const myelin_answer* answer) {
  uint32_t size = myelin_build_answer(scratch, capacity, answer);
  return size == 0 ? -MYELIN_ERROR_TOO_LARGE : myelin_respond(id, scratch, size);
}

/* Responds with an error and one line why. */
static inline int32_t myelin_respond_error(void* scratch, uint32_t capacity, int64_t id, uint16_t error,
                                           const char* reason) {
  myelin_answer answer = {0,      error, error == MYELIN_ERROR_GUEST_FAILED ? 1u : 0u, 0, {0, 0}, {0, 0}, {0, 0},
                          {0, 0}, {0, 0}};
  answer.reason = myelin_text(reason);
  return myelin_respond_answer(scratch, capacity, id, &answer);
}

/* Writes all of it, waiting as needed: 0, or minus an error. */
static inline int32_t myelin_payload_write_all(int64_t id, const void* data, uint32_t size) {
  const uint8_t* at = (const uint8_t*)data;
  while (size > 0) {
    int32_t taken = myelin_payload_write(id, at, size);
    if (taken < 0) return taken;
    at += taken;
    size -= (uint32_t)taken;
  }
  return 0;
}

#ifdef __cplusplus
}
#endif
