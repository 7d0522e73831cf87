// A program: says what it was started with, and ends with as many as its exit code.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) printf("[%s]\n", argv[i]);
  const char* key = getenv("KEY");
  printf("KEY=%s\n", key != NULL ? key : "(none)");
  return argc;
}
