// Two processes that send each other requests: a mailbox process, which runs as long as it likes and takes its messages
// with `receive`.
//
// `play` (from outside) serves a ball: a request `ball` with the number of hits that are left, to the partner that the
// environment variable PARTNER names. Who gets a ball with hits left hits it back, as a request
// of its own to the sender, and answers when that one is answered. So the hits wait for each other like nested calls,
// but nobody blocks: the id of the request to be answered travels as the *context* of the own one, which the node keeps
// and gives back with the outcome.
#include <myelin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { default_hits = 10, most_hits = 500 };

// What we want to know again when an outcome comes.
typedef struct {
  int64_t waiting;   // the request that is answered then
  int64_t start_ns;  // of a game that was served here, else 0
} context;

static uint8_t scratch[4096];
static const char* partner;

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// The decimal number in `text`; `otherwise` if there is none.
static uint32_t number(myelin_bytes text, uint32_t otherwise) {
  uint32_t value = 0, digits = 0;
  while (digits < text.size && digits < 6 && text.data[digits] >= '0' && text.data[digits] <= '9') {
    value = value * 10 + (text.data[digits++] - '0');
  }
  return digits == 0 ? otherwise : value;
}

// A message's content: its body, or else the start of its payload.
static myelin_bytes content(const myelin_record* message, uint8_t* buffer, uint32_t capacity) {
  uint32_t size = 0;
  if (message->body.size > 0 || (message->flags & MYELIN_HAS_PAYLOAD) == 0) return message->body;
  while (size < capacity) {
    int32_t got = myelin_payload_read(message->id, size, buffer + size, capacity - size);
    if (got <= 0) break;
    size += (uint32_t)got;
  }
  return myelin_view(buffer, size);
}

static void answer(int64_t id, const char* text) {
  myelin_answer answer = {0};
  answer.body = myelin_text(text);
  myelin_respond_answer(scratch, sizeof scratch, id, &answer);
}

static void refuse(int64_t id, uint16_t error, const char* why) {
  myelin_respond_error(scratch, sizeof scratch, id, error, why);
}

// Sends a ball with `hits` left to `target`; its outcome answers `note.waiting`.
static void hit(myelin_bytes target, uint32_t hits, context note) {
  char body[12];
  myelin_request request = {0};
  snprintf(body, sizeof body, "%u", (unsigned)hits);
  request.flags = MYELIN_SEND_WANTS_RESPONSE;
  request.timeout_ns = (int64_t)30 * 1000000000;
  request.target = target;
  request.method = myelin_text("ball");
  request.context = myelin_view(&note, sizeof note);
  request.body = myelin_text(body);
  if (myelin_send_request(scratch, sizeof scratch, &request) < 0) {
    refuse(note.waiting, MYELIN_ERROR_LIMIT, "the ball could not be sent");
  }
}

static void on_play(const myelin_record* message) {
  uint8_t text[16];
  uint32_t hits = number(content(message, text, sizeof text), default_hits);
  if (partner == NULL) {
    refuse(message->id, MYELIN_ERROR_CONFLICT, "no PARTNER is set for this process");
  } else if (hits == 0 || hits > most_hits) {
    refuse(message->id, MYELIN_ERROR_BAD_REQUEST, "a game has 1 to 500 hits");
  } else {
    hit(myelin_text(partner), hits - 1, (context){.waiting = message->id, .start_ns = now_ns()});
  }
}

static void on_ball(const myelin_record* message) {
  uint32_t hits = number(message->body, 0);
  if (hits == 0) {
    answer(message->id, "1");
  } else if (hits > most_hits) {
    refuse(message->id, MYELIN_ERROR_BAD_REQUEST, "a ball has at most 500 hits left");
  } else {
    hit(message->source, hits - 1, (context){.waiting = message->id});
  }
}

// An outcome: the hit that came back, or why it did not.
static void on_outcome(const myelin_record* message) {
  context note;
  char text[128];
  if (message->context.size != sizeof note) return;
  memcpy(&note, message->context.data, sizeof note);
  if (message->event == MYELIN_EVENT_ERROR) {
    uint32_t size = message->reason.size < 80 ? message->reason.size : 80;
    snprintf(text, sizeof text, "the ball was lost (error %u): %.*s", (unsigned)message->error, (int)size,
             (const char*)message->reason.data);
    refuse(note.waiting, MYELIN_ERROR_GUEST_FAILED, text);
    return;
  }
  uint32_t hits = number(message->body, 0);
  if (note.start_ns == 0) {
    snprintf(text, sizeof text, "%u", (unsigned)hits + 1);
  } else {
    double milliseconds = (double)(now_ns() - note.start_ns) / 1e6;
    snprintf(text, sizeof text, "%u hits in %.3f ms\n", (unsigned)hits, milliseconds);
  }
  answer(note.waiting, text);
}

static void on_request(const myelin_record* message) {
  if (myelin_equal(message->method, "ball")) {
    on_ball(message);
  } else if (myelin_equal(message->method, "play")) {
    on_play(message);
  } else {
    refuse(message->id, MYELIN_ERROR_NO_SUCH_METHOD, "methods: play, ball");
  }
}

MYELIN_EXPORT("run") void run(void) {
  uint32_t capacity = 4096;
  uint8_t* buffer = malloc(capacity);
  partner = getenv("PARTNER");
  if (partner != NULL && *partner == 0) partner = NULL;
  for (;;) {
    if (buffer == NULL) abort();
    int32_t size = myelin_receive(buffer, capacity, MYELIN_FOREVER);
    if (size < 0) return;
    if ((uint32_t)size > capacity) {  // still queued: ask again with room for it
      capacity = (uint32_t)size;
      buffer = realloc(buffer, capacity);
      continue;
    }
    myelin_record message;
    if (myelin_parse(buffer, (uint32_t)size, &message) < 0) continue;
    switch (message.event) {
      case MYELIN_EVENT_REQUEST:
      case MYELIN_EVENT_CALL:
        on_request(&message);
        break;
      case MYELIN_EVENT_RESPONSE:
      case MYELIN_EVENT_ERROR:
        on_outcome(&message);
        break;
      default:  // room, cancelled and the like change nothing here
        break;
    }
  }
}
