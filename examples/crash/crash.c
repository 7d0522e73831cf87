// Ends badly in several ways. What happens to the caller and to the process is the same each time, and told apart.
#include <stdio.h>
#include <stdlib.h>

#define METHOD(name) __attribute__((export_name(name)))

static int calls;

// An instruction that must not be reached, as abort() is.
METHOD("trap") void trap(void) { __builtin_trap(); }

// The guest's own exit code.
METHOD("exit3") void exit3(void) { exit(3); }

METHOD("divide") void divide(void) {
  volatile int zero = 0;
  printf("%d\n", 100 / zero);
}

// How many calls this memory has seen: 1 again after a restart.
METHOD("ok") void ok(void) {
  printf("ok %d\n", ++calls);
  fflush(stdout);
}
