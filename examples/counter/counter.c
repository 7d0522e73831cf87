// Counts. The count is a variable in the process's memory: it lives from call to call, and is gone with the process.
#include <stdint.h>
#include <stdio.h>

#define METHOD(name) __attribute__((export_name(name)))

static uint64_t count;

// Output is buffered by the C library; a method that returns does not flush it, as a program that exits does.
static void answer(void) {
  printf("%llu\n", (unsigned long long)count);
  fflush(stdout);
}

METHOD("increment") void increment(void) {
  ++count;
  answer();
}

METHOD("get") void get(void) { answer(); }

METHOD("reset") void reset(void) {
  count = 0;
  answer();
}
