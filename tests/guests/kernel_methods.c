/* A method process with one method for each thing that the kernel has to tell apart. */
#include "myelin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wasi/api.h>

static char buffer[16384];
static int calls;

static int write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, data, size);
    if (n < 0) return -1;
    data += n;
    size -= (size_t)n;
  }
  return 0;
}

static void say(const char* text) { write_all(1, text, strlen(text)); }

static void say_number(long long value) {
  char digits[24];
  int at = 24, negative = value < 0;
  if (negative) value = -value;
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  if (negative) digits[--at] = '-';
  write_all(1, digits + at, (size_t)(24 - at));
}

MYELIN_EXPORT("echo") void echo(void) {
  ssize_t n;
  while ((n = read(0, buffer, sizeof buffer)) > 0)
    if (write_all(1, buffer, (size_t)n) != 0) return;
}

MYELIN_EXPORT("count") void count(void) { say_number(++calls); }

/* Reads all and tells how it ended: the errno of WASI, 0 for the end of the input. */
MYELIN_EXPORT("drain") void drain(void) {
  long long total = 0;
  for (;;) {
    __wasi_iovec_t vector = {(uint8_t*)buffer, sizeof buffer};
    __wasi_size_t size = 0;
    __wasi_errno_t error = __wasi_fd_read(0, &vector, 1, &size);
    if (error != 0 || size == 0) {
      say_number(total);
      say(" ");
      say_number(error);
      return;
    }
    total += size;
  }
}

MYELIN_EXPORT("crash") void crash(void) { __builtin_trap(); }
MYELIN_EXPORT("exit0") void exit0(void) {
  say("done");
  _Exit(0);
}
MYELIN_EXPORT("exit3") void exit3(void) { _Exit(3); }
MYELIN_EXPORT("half") void half(void) {
  say("half");
  __builtin_trap();
}

static volatile int always = 1;
MYELIN_EXPORT("spin") void spin(void) {
  while (always) {
  }
}

/* Works for a while: some millions of instructions. */
MYELIN_EXPORT("work") void work(void) {
  volatile int i = 0;
  while (i < 1000000) ++i;
  say("worked");
}

MYELIN_EXPORT("flood") void flood(void) {
  memset(buffer, 'x', sizeof buffer);
  while (write_all(1, buffer, sizeof buffer) == 0) {
  }
  _Exit(9);
}

/* Ignores everything, its caller's leaving too. */
MYELIN_EXPORT("stubborn") void stubborn(void) {
  for (;;) {
    read(0, buffer, sizeof buffer);
    write(1, buffer, 1);
  }
}

MYELIN_EXPORT("chatter") void chatter(void) {
  write_all(2, "first\nsec", 9);
  write_all(2, "ond\n\x1b[31mred\xff\n", 14);
  write_all(2, "no feed", 7);
}

MYELIN_EXPORT("prattle") void prattle(void) {
  memset(buffer, 'l', 1000);
  buffer[999] = '\n';
  for (int i = 0; i < 2000; ++i) write_all(2, buffer, 1000);
}

MYELIN_EXPORT("grow") void grow(void) {
  while (__builtin_wasm_memory_grow(0, 16) != (size_t)-1) {
  }
  say_number((long long)__builtin_wasm_memory_size(0));
}

static int deeper(volatile int depth) {
  volatile int here = depth + always;
  if (!always) return here;
  return deeper(here) + here;
}
MYELIN_EXPORT("recurse") void recurse(void) { say_number(deeper(0)); }

/* Keep what the call gave them beyond it: in the place of stderr, the only other one. */
MYELIN_EXPORT("keep_output") void keep_output(void) {
  say("kept");
  if (__wasi_fd_renumber(1, 2) != 0) _Exit(45);
}
MYELIN_EXPORT("keep_input") void keep_input(void) {
  say("kept");
  if (__wasi_fd_renumber(0, 2) != 0) _Exit(45);
}
MYELIN_EXPORT("write_kept") void write_kept(void) {
  __wasi_ciovec_t vector = {(const uint8_t*)"stale", 5};
  __wasi_size_t size = 0;
  say_number(__wasi_fd_write(2, &vector, 1, &size));
}
MYELIN_EXPORT("read_kept") void read_kept(void) {
  __wasi_iovec_t vector = {(uint8_t*)buffer, sizeof buffer};
  __wasi_size_t size = 0;
  say_number(__wasi_fd_read(2, &vector, 1, &size));
  say(" ");
  say_number(size);
}

static void say_bytes(const char* name, myelin_bytes bytes) {
  say(name);
  say("=");
  write_all(1, (const char*)bytes.data, bytes.size);
  say("\n");
}

MYELIN_EXPORT("whoami") void whoami(void) {
  myelin_info info;
  int32_t small = myelin_message_info(buffer, 8);
  int32_t size = myelin_message_info(buffer, sizeof buffer);
  if (small != size || size <= 8 || myelin_parse_info(buffer, (uint32_t)size, &info) != 0) _Exit(40);
  say_bytes("protocol", info.protocol);
  say_bytes("node", info.node);
  say_bytes("pid", info.pid);
  say_bytes("name", info.name);
  say_bytes("method", info.method);
  say_bytes("path", info.path);
  say_bytes("caller", info.caller);
  say_bytes("correlation", info.correlation);
  say_bytes("mime", info.mime);
  say("deadline_ms=");
  say_number(info.flags & MYELIN_HAS_DEADLINE ? info.deadline_ns / 1000000 : -1);
  say("\n");
}

MYELIN_EXPORT("environment") void environment(void) {
  size_t count = 0, size = 0;
  static uint8_t text[1024];
  static uint8_t* list[32];
  if (__wasi_args_sizes_get(&count, &size) != 0 || count > 32 || size > sizeof text || __wasi_args_get(list, text) != 0)
    _Exit(41);
  for (size_t i = 1; i < count; ++i) {
    say((const char*)list[i]);
    say("\n");
  }
  if (__wasi_environ_sizes_get(&count, &size) != 0 || count > 32 || size > sizeof text ||
      __wasi_environ_get(list, text) != 0)
    _Exit(42);
  for (size_t i = 0; i < count; ++i) {
    say((const char*)list[i]);
    say("\n");
  }
}

/* A method that asks another process (its stdin is the address) and waits for the outcome. */
MYELIN_EXPORT("ask") void ask(void) {
  static uint8_t scratch[1024], in[4096];
  ssize_t n = read(0, buffer, 200);
  if (n <= 0) _Exit(43);
  myelin_request request = {0};
  request.flags = MYELIN_SEND_WANTS_RESPONSE;
  request.target = myelin_view(buffer, (uint32_t)n);
  request.method = myelin_text("echo");
  request.body = myelin_text("from a method");
  int64_t id = myelin_send_request(scratch, sizeof scratch, &request);
  myelin_record record;
  int32_t size = myelin_receive(in, sizeof in, MYELIN_FOREVER);
  if (id <= 0 || size <= 0 || myelin_parse(in, (uint32_t)size, &record) != 0 || record.id != id) _Exit(44);
  say_number(record.event);
  say(" ");
  write_all(1, (const char*)record.body.data, record.body.size);
}

MYELIN_EXPORT("malloc") void looks_like_an_allocator(void) { say("reached"); }
MYELIN_EXPORT("cabi_realloc") void looks_like_cabi(void) { say("reached"); }
MYELIN_EXPORT("add") int add(int a, int b) { return a + b; }
