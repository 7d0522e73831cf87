/* What the benchmarks of calls across nodes call. The same module runs under other runtimes. */
#include <wasi/api.h>

static const uint8_t text[] = "Hello, world!\n";
static uint8_t piece[65536];

static void write_all(const uint8_t* data, size_t size) {
  while (size > 0) {
    __wasi_ciovec_t vector = {data, size};
    __wasi_size_t written = 0;
    if (__wasi_fd_write(1, &vector, 1, &written) != 0) __builtin_trap();
    data += written;
    size -= written;
  }
}

/* One write, whatever came in. */
__attribute__((export_name("hello"))) void hello(void) { write_all(text, sizeof text - 1); }

/* What comes in goes out. */
__attribute__((export_name("echo"))) void echo(void) {
  for (;;) {
    __wasi_iovec_t vector = {piece, sizeof piece};
    __wasi_size_t size = 0;
    if (__wasi_fd_read(0, &vector, 1, &size) != 0) __builtin_trap();
    if (size == 0) return;
    write_all(piece, size);
  }
}
