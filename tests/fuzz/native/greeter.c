// The greeter's parser: sockets that were handed over, by their names.
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

#define greeter_main fuzzed_greeter_main
#include "../../../guest/native/greeter.c"

// A copy of the next text of `bytes`, which ends with NUL or with them.
static char *next_text(const uint8_t **bytes, size_t *length) {
  char *text = strndup((const char *)*bytes, *length);
  if (!text) fuzz_fault("no memory");
  size_t used = strlen(text) + 1;
  used = used > *length ? *length : used;
  *bytes += used;
  *length -= used;
  return text;
}

int fuzz_greeter_finds(const uint8_t *variables, size_t length) {
  static const char *const names[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"};
  for (size_t i = 0; i < COUNT(names); i++) {
    char *text = next_text(&variables, &length);
    if (*text) setenv(names[i], text, 1);
    else unsetenv(names[i]);
    free(text);
  }
  int fd = inherited("sandboxer");
  for (size_t i = 0; i < COUNT(names); i++) unsetenv(names[i]);
  return fd;
}
