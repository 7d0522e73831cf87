/* A mailbox process. What a request or call asks for is named by its method. */
#include "myelin.h"

#include <stdlib.h>
#include <string.h>

static uint8_t in[1 << 17], out[1 << 17], data[1 << 16];
static int32_t seen;

/* Requests sent on behalf of others: the context is their id. */
static int64_t origin(const myelin_record* record) {
  return record->context.size == 8 ? (int64_t)myelin_load(record->context.data, 8) : 0;
}

static void answer(int64_t id, myelin_bytes body) {
  myelin_answer a = {0};
  a.body = body;
  if (id != 0) myelin_respond_answer(out, sizeof out, id, &a);
}

static void refuse(int64_t id, uint16_t error, const char* reason) {
  if (id != 0) myelin_respond_error(out, sizeof out, id, error, reason);
}

static uint32_t put(uint32_t at, myelin_bytes bytes) {
  memcpy(data + at, bytes.data, bytes.size);
  return at + bytes.size;
}

static uint32_t put_number(uint32_t at, uint64_t value) {
  char digits[24];
  int first = 24;
  do {
    digits[--first] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  return put(at, myelin_view(digits + first, (uint32_t)(24 - first)));
}

/* Sends to the address in the body: the method is what stands after the first space, the body what stands after the
 * second. */
static void forward(const myelin_record* record, uint8_t flags, int64_t timeout_ns) {
  uint8_t context[8];
  myelin_store(context, (uint64_t)record->id, 8);
  uint32_t space = 0;
  while (space < record->body.size && record->body.data[space] != ' ') ++space;
  myelin_request request = {0};
  request.flags = flags;
  request.timeout_ns = timeout_ns;
  request.target = myelin_view(record->body.data, space);
  if (space < record->body.size) ++space;
  uint32_t end = space;
  while (end < record->body.size && record->body.data[end] != ' ') ++end;
  request.method = myelin_view(record->body.data + space, end - space);
  if (end < record->body.size) ++end;
  request.body = myelin_view(record->body.data + end, record->body.size - end);
  request.context = myelin_view(context, 8);
  if (flags & MYELIN_PAYLOAD_OF_MESSAGE) request.payload_id = (uint64_t)record->id;
  int64_t id = myelin_send_request(out, sizeof out, &request);
  if (id < 0) refuse(record->id, (uint16_t)-id, "send");
}

/* One-way messages to the address in the body until send refuses or 5000 are out; how many. */
static void flood(const myelin_record* record) {
  myelin_request request = {0};
  request.target = record->body;
  request.method = myelin_text("hold");
  uint64_t sent = 0;
  while (sent < 5000) {
    if (myelin_send_request(out, sizeof out, &request) < 0) break;
    ++sent;
  }
  answer(record->id, myelin_view(data, put_number(0, sent)));
}

static void on_outcome(const myelin_record* record) {
  static int64_t waits_for_room;
  int64_t to = origin(record);
  if (record->event == MYELIN_EVENT_RESPONSE) {
    uint32_t at = put(0, myelin_text("response "));
    at = put(at, record->body);
    answer(to, myelin_view(data, at));
  } else if (record->event == MYELIN_EVENT_ERROR) {
    if (record->flags & MYELIN_ROOM_FOLLOWS) waits_for_room = to;
    uint32_t at = put(0, myelin_text("error "));
    at = put_number(at, record->error);
    at = put(at, myelin_text(" "));
    at = put_number(at, record->detail);
    at = put(at, myelin_text(" "));
    at = put(at, record->body);
    at = put(at, myelin_text(" "));
    at = put(at, record->reason);
    if (!(record->flags & MYELIN_ROOM_FOLLOWS)) answer(to, myelin_view(data, at));
  } else {
    uint32_t at = put(0, myelin_text("room at "));
    at = put(at, record->source);
    answer(waits_for_room, myelin_view(data, at));
    waits_for_room = 0;
  }
}

/* The payload, doubled: read whole, then written through the stream or kept for the response. */
static void double_payload(const myelin_record* record) {
  int64_t offset = 0;
  int32_t n;
  while ((n = myelin_payload_read(record->id, offset, data, sizeof data)) > 0) {
    if (myelin_payload_write_all(record->id, data, (uint32_t)n) != 0) return;
    if (myelin_payload_write_all(record->id, data, (uint32_t)n) != 0) return;
    offset += n;
  }
  if (n < 0) return refuse(record->id, MYELIN_ERROR_GUEST_FAILED, "read");
  myelin_answer a = {0};
  a.mime = myelin_text("text/doubled");
  myelin_respond_answer(out, sizeof out, record->id, &a);
}

/* Answers with a megabyte that it builds in the draft. */
static void draft(const myelin_record* record) {
  memset(data, 'd', sizeof data);
  for (int i = 0; i < 16; ++i) myelin_payload_write_all(MYELIN_DRAFT, data, sizeof data);
  myelin_answer a = {0};
  a.flags = MYELIN_PAYLOAD_IS_DRAFT;
  a.mime = myelin_text("text/draft");
  myelin_respond_answer(out, sizeof out, record->id, &a);
}

static int64_t held;
static int64_t nowait_id, nowait_read;

static void pump_nowait(void) {
  for (;;) {
    int32_t n = myelin_payload_read(nowait_id | MYELIN_NOWAIT, nowait_read, data, sizeof data);
    if (n == MYELIN_NOT_YET) return;
    if (n <= 0) {
      answer(nowait_id, myelin_view(data, put_number(0, (uint64_t)nowait_read)));
      return;
    }
    nowait_read += n;
  }
}

static void describe(const myelin_record* record) {
  uint32_t at = put_number(0, record->event);
  at = put(at, myelin_text(" "));
  at = put_number(at, record->flags);
  at = put(at, myelin_text(" caller="));
  at = put(at, record->caller);
  at = put(at, myelin_text(" source="));
  at = put(at, record->source);
  at = put(at, myelin_text(" method="));
  at = put(at, record->method);
  at = put(at, myelin_text(" correlation="));
  at = put(at, record->correlation);
  at = put(at, myelin_text(" metadata="));
  at = put(at, record->metadata);
  answer(record->id, myelin_view(data, at));
}

static volatile int always = 1;

/* 0: stop. */
static int on_request(const myelin_record* record) {
  myelin_bytes method = record->method;
  ++seen;
  if (myelin_equal(method, "echo")) answer(record->id, record->body);
  if (myelin_equal(method, "describe")) describe(record);
  if (myelin_equal(method, "forward")) forward(record, MYELIN_SEND_WANTS_RESPONSE, 0);
  if (myelin_equal(method, "forward_payload"))
    forward(record, MYELIN_SEND_WANTS_RESPONSE | MYELIN_PAYLOAD_OF_MESSAGE, 0);
  if (myelin_equal(method, "forward_100ms")) forward(record, MYELIN_SEND_WANTS_RESPONSE, 100000000);
  if (myelin_equal(method, "one_way")) forward(record, MYELIN_SEND_TELL_ACCEPTED, 0);
  if (myelin_equal(method, "flood")) flood(record);
  if (myelin_equal(method, "double")) double_payload(record);
  if (myelin_equal(method, "draft")) draft(record);
  if (myelin_equal(method, "refuse")) refuse(record->id, MYELIN_ERROR_FORBIDDEN, "not you");
  if (myelin_equal(method, "refuse7")) {
    myelin_answer a = {0};
    a.error = MYELIN_ERROR_GUEST_FAILED;
    a.detail = 7;
    myelin_respond_answer(out, sizeof out, record->id, &a);
  }
  if (myelin_equal(method, "seen")) answer(record->id, myelin_view(data, put_number(0, (uint64_t)seen)));
  if (myelin_equal(method, "hold")) held = record->id;
  if (myelin_equal(method, "release")) {
    answer(held, myelin_text("released"));
    answer(record->id, myelin_text("ok"));
  }
  if (myelin_equal(method, "nowait")) {
    nowait_id = record->id;
    nowait_read = 0;
    pump_nowait();
  }
  if (myelin_equal(method, "sleep")) {
    /* Only events of its own get through; a second of them at most. */
    int32_t n = myelin_receive(in, 0, 1000000000);
    answer(record->id, myelin_view(data, put_number(0, (uint64_t)n)));
  }
  if (myelin_equal(method, "spin"))
    while (always) {
    }
  if (myelin_equal(method, "trap")) __builtin_trap();
  if (myelin_equal(method, "exit5")) _Exit(5);
  return !myelin_equal(method, "return");
}

MYELIN_EXPORT("run") void run(void) {
  static int64_t last_cancelled;
  for (;;) {
    int32_t size = myelin_receive(in, 16, MYELIN_FOREVER);
    if (size <= 16 || myelin_receive(in, sizeof in, 0) != size) _Exit(30);
    myelin_record record;
    if (myelin_parse(in, (uint32_t)size, &record) != 0) _Exit(31);
    switch (record.event) {
      case MYELIN_EVENT_REQUEST:
      case MYELIN_EVENT_CALL:
        if (myelin_equal(record.method, "last_cancelled")) {
          answer(record.id, myelin_view(data, put_number(0, (uint64_t)last_cancelled)));
          break;
        }
        if (!on_request(&record)) return;
        break;
      case MYELIN_EVENT_RESPONSE:
      case MYELIN_EVENT_ERROR:
      case MYELIN_EVENT_ROOM:
        on_outcome(&record);
        break;
      case MYELIN_EVENT_CANCELLED:
        last_cancelled = record.error;
        break;
      case MYELIN_EVENT_READABLE:
        if (record.id != nowait_id) _Exit(32);
        pump_nowait();
        break;
      default:
        _Exit(33);
    }
  }
}
