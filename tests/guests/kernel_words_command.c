/* A command: its arguments, then its input; the first argument may be an exit code. State would show a kept instance.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int runs;

int main(int argc, char** argv) {
  char buffer[4096];
  ssize_t n;
  for (int i = 1; i < argc; ++i) {
    write(1, argv[i], strlen(argv[i]));
    write(1, "\n", 1);
  }
  while ((n = read(0, buffer, sizeof buffer)) > 0) write(1, buffer, (size_t)n);
  char digit = (char)('0' + ++runs);
  write(1, &digit, 1);
  return argc > 1 ? atoi(argv[1]) : 0;
}
