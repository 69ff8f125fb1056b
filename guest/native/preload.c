// `kuasar-preload` as the agent's arguments: writes the library of preload/arguments.c to stdout. It is carried in here because it
// goes wherever this program goes.
#include "preload.h"
#include "native.h"
#include <string.h>
#include <unistd.h>

// From the generated library.c.
extern const uint8_t arguments_library[];
extern const uint32_t arguments_library_size;

bool preload_main(int argc, char **argv, int *code) {
  if (argc != 2 || strcmp(argv[1], "kuasar-preload")) return false;
  *code = 0;
  for (uint32_t done = 0; done < arguments_library_size;) {
    ssize_t n = write(STDOUT_FILENO, arguments_library + done, arguments_library_size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return *code = 1, true;
    done += (uint32_t)n;
  }
  return true;
}
