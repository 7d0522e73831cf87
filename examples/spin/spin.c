// Never ends, and never calls the host: only the host can stop it. Others keep answering meanwhile.
#include <stdio.h>

#define METHOD(name) __attribute__((export_name(name)))

static volatile unsigned turns;

METHOD("spin") void spin(void) {
  for (;;) ++turns;
}

METHOD("ok") void ok(void) {
  puts("ok");
  fflush(stdout);
}
