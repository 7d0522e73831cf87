// What the C library makes of WASI's byte streams: each method does one thing, and prints what came of it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define METHOD(name) __attribute__((export_name(name)))

static const char* error_name(int number) {
  switch (number) {
    case 0:
      return "OK";
    case EAGAIN:
      return "EAGAIN";
    case EBADF:
      return "EBADF";
    case ECANCELED:
      return "ECANCELED";
    case ENOENT:
      return "ENOENT";
    case ENOTCAPABLE:
      return "ENOTCAPABLE";
    case EPIPE:
      return "EPIPE";
    case ESPIPE:
      return "ESPIPE";
    default:
      return "other";
  }
}

// Lines in, numbered lines out, through stdio's buffers.
METHOD("number_lines") void number_lines(void) {
  char line[256];
  clearerr(stdin);
  for (int number = 1; fgets(line, sizeof line, stdin) != NULL; ++number) printf("%d: %s", number, line);
  fflush(stdout);
}

// One read, and what it gave.
METHOD("read_once") void read_once(void) {
  char buffer[64];
  errno = 0;
  ssize_t size = read(STDIN_FILENO, buffer, sizeof buffer);
  printf("%d %s %.*s\n", (int)size, error_name(errno), size > 0 ? (int)size : 0, buffer);
  fflush(stdout);
}

// The same without waiting.
METHOD("read_nonblocking") void read_nonblocking(void) {
  if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK) != 0) puts("fcntl failed");
  read_once();
  fcntl(STDIN_FILENO, F_SETFL, 0);
}

// Writes to stdout, and says on stderr what came of it.
METHOD("write_once") void write_once(void) {
  errno = 0;
  ssize_t size = write(STDOUT_FILENO, "0123456789", 10);
  fprintf(stderr, "%d %s\n", (int)size, error_name(errno));
}

METHOD("gather") void gather(void) {
  struct iovec pieces[3] = {{"one ", 4}, {"", 0}, {"two\n", 4}};
  ssize_t size = writev(STDOUT_FILENO, pieces, 3);
  fprintf(stderr, "%d\n", (int)size);
}

// What a program may ask of its stdout, and files that are not there.
METHOD("ask") void ask(void) {
  struct stat status;
  printf("stat %d %s\n", fstat(STDOUT_FILENO, &status), S_ISSOCK(status.st_mode) ? "socket" : "other");
  printf("tty %d\n", isatty(STDOUT_FILENO));
  errno = 0;
  printf("seek %d", (int)lseek(STDOUT_FILENO, 0, SEEK_CUR));
  printf(" %s\n", error_name(errno));
  errno = 0;
  printf("open %d", open("/etc/passwd", O_RDONLY));
  printf(" %s\n", error_name(errno));
  errno = 0;
  printf("write %d", (int)write(77, "x", 1));
  printf(" %s\n", error_name(errno));
  fflush(stdout);
}

METHOD("close_stdout") void close_stdout(void) {
  close(STDOUT_FILENO);
  errno = 0;
  ssize_t size = write(STDOUT_FILENO, "x", 1);
  fprintf(stderr, "%d %s\n", (int)size, error_name(errno));
}
