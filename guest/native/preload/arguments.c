// A library for programs that take secrets as arguments: every user of the host can read a command line (/proc/PID/cmdline), but an
// environment only its owner. It is loaded before the program's own libraries (LD_PRELOAD), puts each variable
// `KUASAR_ARGUMENT_<n>=<text>` in the place of argument n, and takes it out of the environment. glibc gives constructors the very
// vectors that `main` gets.
//
// It uses no library itself, so that it fits each version of them.

static const char mark[] = "KUASAR_ARGUMENT_", own[] = "LD_PRELOAD=";

// What stands behind `prefix` in `text`; a null pointer where it begins otherwise.
static char *after(char *text, const char *prefix) {
  while (*prefix && *text == *prefix) text++, prefix++;
  return *prefix ? 0 : text;
}

__attribute__((constructor)) static void take_arguments(int count, char **arguments, char **environment) {
  char **kept = environment;
  for (char **at = environment; *at; at++) {
    char *text = after(*at, mark);
    if (!text) {
      if (!after(*at, own)) *kept++ = *at;
      continue;
    }
    int index = 0;
    while (*text >= '0' && *text <= '9' && index < count) index = index * 10 + (*text++ - '0');
    if (*text == '=' && index < count) arguments[index] = text + 1;
  }
  *kept = 0;
}
