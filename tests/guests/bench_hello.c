/* What the HTTP benchmarks call: one write, whatever came in. The same module runs under other runtimes. */
#include <wasi/api.h>

static const uint8_t text[] = "Hello, world!\n";

__attribute__((export_name("hello"))) void hello(void) {
  __wasi_ciovec_t vector = {text, sizeof text - 1};
  __wasi_size_t written = 0;
  if (__wasi_fd_write(1, &vector, 1, &written) != 0) __builtin_trap();
}
