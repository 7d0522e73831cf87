// Clocks, sleeps, polls and entropy, as the C library offers them.
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define METHOD(name) __attribute__((export_name(name)))

static int64_t now_ns(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) return -1;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

METHOD("clocks") void clocks(void) {
  struct timespec resolution;
  clock_getres(CLOCK_MONOTONIC, &resolution);
  printf("resolution %ld\n", (long)resolution.tv_nsec);
  printf("realtime %lld\n", (long long)now_ns(CLOCK_REALTIME));
  int64_t first = now_ns(CLOCK_MONOTONIC);
  printf("monotonic %d\n", first > 0 && now_ns(CLOCK_MONOTONIC) >= first);
  fflush(stdout);
}

// Sleeps 25 ms, and says how long that was by its own clock.
METHOD("sleeps") void sleeps(void) {
  int64_t start = now_ns(CLOCK_MONOTONIC);
  struct timespec duration = {0, 25000000};
  int result = nanosleep(&duration, NULL);
  printf("%d %lld\n", result, (long long)(now_ns(CLOCK_MONOTONIC) - start));
  fflush(stdout);
}

// Waits at most 100 ms for input, and says what came first.
METHOD("polls") void polls(void) {
  struct pollfd set[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = 99, .events = POLLIN}};
  int64_t start = now_ns(CLOCK_MONOTONIC);
  int ready = poll(set, 1, 100);
  long long waited = (now_ns(CLOCK_MONOTONIC) - start) / 1000000;
  printf("%d%s%s %lld ms\n", ready, set[0].revents & POLLIN ? " in" : "", set[0].revents & POLLHUP ? " hup" : "",
         waited);
  ready = poll(set, 2, 0);
  printf("bad number: %s\n", set[1].revents & POLLNVAL ? "nval" : "?");
  fflush(stdout);
}

METHOD("entropy") void entropy(void) {
  uint8_t bytes[200], other[200];
  int zeros = 0, same = 0;
  if (getentropy(bytes, sizeof bytes) != 0 || getentropy(other, sizeof other) != 0) puts("failed");
  for (unsigned i = 0; i < sizeof bytes; ++i) {
    zeros += bytes[i] == 0;
    same += bytes[i] == other[i];
  }
  printf("%s\n", zeros < 50 && same < 50 ? "random" : "not random");
  fflush(stdout);
}

METHOD("yields") void yields(void) {
  int result = 0;
  for (int i = 0; i < 3; ++i) result |= sched_yield();
  printf("%d\n", result);
  fflush(stdout);
}
