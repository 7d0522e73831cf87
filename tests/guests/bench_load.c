/* Guests that use up whatever time they get, in three ways, and one that holds memory while it does. */
#include <myelin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { chased_bytes = 32 << 20, held_pages = 480 };

static volatile int always = 1;
static volatile uint32_t sink;

MYELIN_EXPORT("spin") void spin(void) {
  uint32_t x = 1;
  while (always) {
    for (int i = 0; i < 1000; ++i) x = x * 1664525u + 1013904223u;
    sink = x;
  }
}

/* Each entry names the next one in a cycle through all of them, far apart: every step misses the caches. */
MYELIN_EXPORT("chase") void chase(void) {
  uint32_t count = chased_bytes / sizeof(uint32_t);
  uint32_t* next = malloc(chased_bytes);
  if (next == NULL) _Exit(1);
  for (uint32_t i = 0; i < count; ++i) next[i] = (i * 1664525u + 1013904223u) % count;
  uint32_t at = 0;
  while (always) {
    for (int i = 0; i < 1000; ++i) at = next[at];
    sink = at;
  }
}

/* One instruction fills all of it. */
MYELIN_EXPORT("fill") void fill(void) {
  uint8_t* area = malloc(chased_bytes);
  if (area == NULL) _Exit(1);
  for (uint32_t i = 0; always; ++i) {
    memset(area, (int)(i & 0xff), chased_bytes);
    sink = area[i % chased_bytes];
  }
}

/* Touches about 30 MiB and then loops for good. */
MYELIN_EXPORT("hold") void hold(void) {
  size_t first = __builtin_wasm_memory_grow(0, held_pages);
  if (first == (size_t)-1) _Exit(1);
  for (size_t page = first; page < first + held_pages; ++page) memset((void*)(page << 16), 1, 1 << 16);
  while (always) {
  }
}

MYELIN_EXPORT("echo") void echo(void) {
  char buffer[256];
  ssize_t size;
  while ((size = read(0, buffer, sizeof buffer)) > 0)
    if (write(1, buffer, (size_t)size) != size) return;
}
