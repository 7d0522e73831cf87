/* The process of the benchmarks between guests: what a message asks for is named by its method, in one letter.
 *
 *   p  body: the address of the partner, who is sent to from now on
 *   e  answers with what came
 *   r  body: a count; sends the partner so many requests `e`, one after another, checks each answer, then answers
 *   t  body: hops left; passes the token on one-way; answers the request that began the round when none are left
 *   f  body: a count; sends the partner so many one-way messages `c`, numbered, in bounded batches, then answers
 *   c  body: a number; counted and added up; answered if that is wanted
 *   s  answers with count and sum
 * Numbers are 8 bytes, little-endian. */
#include <myelin.h>
#include <stdlib.h>
#include <string.h>

enum { batch = 128 };

static uint8_t in[1024], out[512], partner[256];
static uint32_t partner_size;
static int64_t origin;
static uint64_t left, number, count, sum;
static uint32_t in_batch;

static uint64_t body_number(const myelin_record* record) {
  if (record->body.size != 8) _Exit(20);
  return myelin_load(record->body.data, 8);
}

static void answer(int64_t id, const void* data, uint32_t size) {
  myelin_answer a = {0};
  a.body = myelin_view(data, size);
  if (myelin_respond_answer(out, sizeof out, id, &a) != 0) _Exit(21);
}

static void send_number(const char* method, uint64_t value, uint8_t flags) {
  uint8_t body[8];
  myelin_store(body, value, 8);
  myelin_request request = {0};
  request.flags = flags;
  request.target = myelin_view(partner, partner_size);
  request.method = myelin_view(method, 1);
  request.body = myelin_view(body, 8);
  if (myelin_send_request(out, sizeof out, &request) < 0) _Exit(22);
}

static void done(void) {
  uint8_t body[8];
  myelin_store(body, number, 8);
  answer(origin, body, 8);
  origin = 0;
}

/* The last of a batch tells when it was accepted: no more are under way at once, so the receiver's mailbox is never
 * full. */
static void flood(void) {
  if (left == 0) return done();
  for (in_batch = 0; in_batch < batch && left > 0; ++in_batch) {
    --left;
    send_number("c", number++, in_batch + 1 == batch || left == 0 ? MYELIN_SEND_WANTS_RESPONSE : 0);
  }
}

static void on_request(const myelin_record* record) {
  switch (record->method.size == 1 ? record->method.data[0] : 0) {
    case 'p':
      if (record->body.size > sizeof partner) _Exit(23);
      memcpy(partner, record->body.data, record->body.size);
      partner_size = record->body.size;
      return answer(record->id, "", 0);
    case 'e':
      return answer(record->id, record->body.data, record->body.size);
    case 'r':
      origin = record->id;
      left = body_number(record);
      number = 0;
      return send_number("e", number, MYELIN_SEND_WANTS_RESPONSE);
    case 't':
      number = body_number(record);
      if (record->flags & MYELIN_WANTS_RESPONSE) origin = record->id;
      if (number > 0) return send_number("t", number - 1, 0);
      return origin != 0 ? done() : _Exit(24);
    case 'f':
      origin = record->id;
      left = body_number(record);
      number = 0;
      return flood();
    case 'c':
      ++count;
      sum += body_number(record);
      if (record->flags & MYELIN_WANTS_RESPONSE) answer(record->id, "", 0);
      return;
    case 's': {
      uint8_t body[16];
      myelin_store(body, count, 8);
      myelin_store(body + 8, sum, 8);
      return answer(record->id, body, 16);
    }
  }
  _Exit(25);
}

static void on_response(const myelin_record* record) {
  if (in_batch != 0) {
    in_batch = 0;
    return flood();
  }
  if (body_number(record) != number) _Exit(26);
  ++number;
  if (--left > 0) return send_number("e", number, MYELIN_SEND_WANTS_RESPONSE);
  done();
}

MYELIN_EXPORT("run") void run(void) {
  for (;;) {
    int32_t size = myelin_receive(in, sizeof in, MYELIN_FOREVER);
    myelin_record record;
    if (size <= 0 || size > (int32_t)sizeof in || myelin_parse(in, (uint32_t)size, &record) != 0) _Exit(30);
    if (record.event == MYELIN_EVENT_REQUEST)
      on_request(&record);
    else if (record.event == MYELIN_EVENT_RESPONSE)
      on_response(&record);
    else
      _Exit(31);
  }
}
