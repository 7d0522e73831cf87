/* A mailbox process that misuses every host call on request, and tells the first line where it was not refused. */
#include "myelin.h"

#include <stdlib.h>
#include <string.h>

static uint8_t in[4096], out[4096], record[64];
static int failed;

#define EXPECT(call, result)                              \
  do {                                                    \
    if (!failed && (call) != (result)) failed = __LINE__; \
  } while (0)

enum { BAD = -MYELIN_ERROR_BAD_REQUEST, LARGE = -MYELIN_ERROR_TOO_LARGE };

static void* far_away(uint32_t address) { return (void*)(uintptr_t)address; }

static void pointers(int64_t id) {
  static const uint32_t places[] = {0xffffffffu, 0xfffffff0u, 0x80000000u, 0x7fffffffu, 0x10000000u};
  for (unsigned i = 0; i < 5; ++i) {
    void* at = far_away(places[i]);
    EXPECT(myelin_receive(at, 64, 0), BAD);
    EXPECT(myelin_send(at, 64), BAD);
    EXPECT(myelin_respond(id, at, 64), BAD);
    EXPECT(myelin_payload_read(id, 0, at, 64), BAD);
    EXPECT(myelin_payload_write(id, at, 64), BAD);
    EXPECT(myelin_payload_write(0, at, 64), BAD);
    EXPECT(myelin_message_info(at, 64), BAD);
  }
  static const uint32_t lengths[] = {0xffffffffu, 0x80000000u, 0x7fffffffu, 0x10000000u};
  for (unsigned i = 0; i < 4; ++i) {
    EXPECT(myelin_receive(in, lengths[i], 0), BAD);
    EXPECT(myelin_send(in, lengths[i]), BAD);
    EXPECT(myelin_respond(id, in, lengths[i]), BAD);
    EXPECT(myelin_payload_read(id, 0, in, lengths[i]), BAD);
    EXPECT(myelin_payload_write(id, in, lengths[i]), BAD);
    EXPECT(myelin_message_info(in, lengths[i]), BAD);
  }
}

static void ids(int64_t id) {
  static const int64_t strange[] = {0, -1, INT64_MIN, INT64_MAX, 1ll << 40, MYELIN_NOWAIT, MYELIN_NOWAIT | 99};
  for (unsigned i = 0; i < 7; ++i) {
    EXPECT(myelin_respond(strange[i], in, 0), BAD);
    EXPECT(myelin_payload_read(strange[i], 0, in, 16), BAD);
    if ((strange[i] & ~MYELIN_NOWAIT) != 0) EXPECT(myelin_payload_write(strange[i], in, 16), BAD);
  }
  EXPECT(myelin_payload_read(id, -1, in, 16), BAD);
  EXPECT(myelin_payload_read(id, INT64_MIN, in, 16), BAD);
}

static void records(int64_t id) {
  /* Every wrong byte of the header. */
  for (unsigned size = 0; size < 32; ++size) EXPECT(myelin_send(record, size), BAD);
  memset(record, 0, sizeof record);
  record[0] = 39;
  record[4] = 1;
  record[5] = 0xf0;
  EXPECT(myelin_send(record, 39), BAD);
  record[5] = 3;
  EXPECT(myelin_send(record, 39), BAD);
  record[5] = 12;
  EXPECT(myelin_send(record, 39), BAD);
  record[5] = 0;
  record[6] = 1;
  EXPECT(myelin_send(record, 39), BAD);
  record[6] = 0;
  record[15] = 0x80;
  EXPECT(myelin_send(record, 39), BAD);
  record[15] = 0;
  record[16] = 1;
  EXPECT(myelin_send(record, 39), BAD);
  record[16] = 0;
  record[4] = 2;
  EXPECT(myelin_send(record, 39), -MYELIN_ERROR_UNSUPPORTED);
  record[4] = 1;
  /* Lengths that are cut, endless, or beyond 64 bits. */
  record[32] = 0x80;
  EXPECT(myelin_send(record, 39), BAD);
  memset(record + 32, 0xff, 7);
  EXPECT(myelin_send(record, 39), BAD);
  record[0] = 43;
  memset(record + 32, 0xff, 11);
  EXPECT(myelin_send(record, 43), BAD);
  record[0] = 39;
  memset(record + 32, 0, 7);
  record[38] = 0x7f;
  EXPECT(myelin_send(record, 39), BAD);
  record[38] = 0;
  /* A payload of a message that is not there; a draft that is empty is nothing. */
  record[5] = 8;
  record[16] = 77;
  EXPECT(myelin_send(record, 39), BAD);
  EXPECT(myelin_respond(id, record, 23), BAD);
  memset(record, 0, sizeof record);
  record[0] = 29;
  record[4] = 1;
  record[6] = 8; /* mailbox_full is not a guest's to say */
  EXPECT(myelin_respond(id, record, 29), BAD);
  record[6] = 11; /* guest_failed without an exit code */
  EXPECT(myelin_respond(id, record, 29), BAD);
  record[6] = 0;
  record[8] = 1;
  EXPECT(myelin_respond(id, record, 29), BAD);
}

static void giants(int64_t id) {
  /* The whole memory is not a record. */
  uint32_t size = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  if (size < 4u << 20) {
    __builtin_wasm_memory_grow(0, 64);
    size = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  }
  EXPECT(myelin_send(far_away(0), size), LARGE);
  EXPECT(myelin_respond(id, far_away(0), size), LARGE);
  /* The draft ends at 16 MiB. */
  int64_t total = 0;
  int32_t n;
  while ((n = myelin_payload_write(0, far_away(0), size)) > 0) total += n;
  EXPECT(n, LARGE);
  EXPECT(total <= 16 << 20, 1);
  EXPECT(total > 15 << 20, 1);
}

static void many(void) {
  /* Requests to nobody, until there is no more place; then all their outcomes. */
  myelin_request request = {0};
  request.flags = MYELIN_SEND_WANTS_RESPONSE;
  request.target = myelin_text("nobody");
  int sent = 0;
  int64_t result;
  while ((result = myelin_send_request(out, sizeof out, &request)) > 0) ++sent;
  EXPECT(result, -MYELIN_ERROR_LIMIT);
  EXPECT(sent > 10, 1);
  for (int i = 0; i < sent; ++i) {
    myelin_record got;
    int32_t size = myelin_receive(in, sizeof in, MYELIN_FOREVER);
    EXPECT(size > 0 && myelin_parse(in, (uint32_t)size, &got) == 0, 1);
    EXPECT(got.event, MYELIN_EVENT_ERROR);
    EXPECT(got.error, MYELIN_ERROR_NO_SUCH_PROCESS);
  }
  EXPECT(myelin_send_request(out, sizeof out, &request) > 0, 1);
}

static volatile int always = 1;

/* Every host call from every depth of the stack, the deepest too. */
static __attribute__((noinline)) int deeper(int depth, int64_t id) {
  static const uint8_t request[] = {46, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0,   0,   0, 0,   0, 0, 0,   0,   0, 0, 0,   0,   0,
                                    0,  0, 0, 0, 0, 0, 0, 0, 0, 2, 'n', 'o', 1, 'm', 0, 2, 'c', 't', 0, 2, '{', '}', 0};
  myelin_send(request, sizeof request);
  myelin_receive(in, sizeof in, 0);
  myelin_payload_read(id, 0, in, 16);
  myelin_payload_write(0, in, 16);
  myelin_respond(id + 1000000, in, 0);
  myelin_message_info(in, sizeof in);
  if (!always) return depth;
  return deeper(depth + 1, id) + myelin_receive(in, 0, 0); /* no local lives in memory: the engine's stack ends first */
}

MYELIN_EXPORT("run") void run(void) {
  for (;;) {
    myelin_record got;
    int32_t size = myelin_receive(in, sizeof in, MYELIN_FOREVER);
    if (size <= 0 || size > (int32_t)sizeof in || myelin_parse(in, (uint32_t)size, &got) != 0) _Exit(20);
    if (got.event != MYELIN_EVENT_REQUEST && got.event != MYELIN_EVENT_CALL) continue;
    failed = 0;
    int64_t id = got.id;
    if (myelin_equal(got.method, "pointers")) pointers(id);
    if (myelin_equal(got.method, "ids")) ids(id);
    if (myelin_equal(got.method, "records")) records(id);
    if (myelin_equal(got.method, "giants")) giants(id);
    if (myelin_equal(got.method, "many")) many();
    if (myelin_equal(got.method, "deep")) failed = deeper(0, id);
    if (myelin_equal(got.method, "poll_forever"))
      for (;;) myelin_receive(in, 0, 0);
    myelin_answer a = {0};
    char digits[8];
    int first = 8;
    do {
      digits[--first] = (char)('0' + failed % 10);
      failed /= 10;
    } while (failed > 0);
    a.body = myelin_view(digits + first, (uint32_t)(8 - first));
    myelin_respond_answer(out, sizeof out, id, &a);
  }
}
