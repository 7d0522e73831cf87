// Gives back what it gets, piece by piece: nothing waits for the whole message.
//
// A method is an exported function without parameters and results. Its stdin is the message, its stdout the answer.
#include <myelin.h>
#include <unistd.h>

static char buffer[32 * 1024];

// Writes all of it, waiting while the reader is behind. 0, or -1 when the caller has left.
static int write_all(const void* data, size_t size) {
  const char* at = data;
  while (size > 0) {
    ssize_t written = write(STDOUT_FILENO, at, size);
    if (written < 0) return -1;
    at += written;
    size -= (size_t)written;
  }
  return 0;
}

MYELIN_EXPORT("echo") void echo(void) {
  ssize_t size;
  while ((size = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
    if (write_all(buffer, (size_t)size) < 0) return;
  }
}

// The same in capitals.
MYELIN_EXPORT("shout") void shout(void) {
  ssize_t size;
  while ((size = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) {
    for (ssize_t i = 0; i < size; ++i) {
      if (buffer[i] >= 'a' && buffer[i] <= 'z') buffer[i] -= 'a' - 'A';
    }
    if (write_all(buffer, (size_t)size) < 0) return;
  }
}

static int write_line(const char* name, myelin_bytes value) {
  if (write_all(name, myelin_text(name).size) < 0 || write_all(value.data, value.size) < 0) return -1;
  return write_all("\n", 1);
}

// Who calls, whom, and under which path.
MYELIN_EXPORT("whoami") void whoami(void) {
  myelin_info info;
  int32_t size = myelin_message_info(buffer, sizeof buffer);
  if (size < 0 || (uint32_t)size > sizeof buffer || myelin_parse_info(buffer, (uint32_t)size, &info) < 0) {
    write_line("message_info failed", myelin_text(""));
    return;
  }
  if (write_line("caller: ", info.caller) < 0) return;
  if (write_line("protocol: ", info.protocol) < 0) return;
  if (write_line("node: ", info.node) < 0) return;
  if (write_line("pid: ", info.pid) < 0) return;
  if (write_line("method: ", info.method) < 0) return;
  write_line("path: ", info.path);
}
