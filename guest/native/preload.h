// The library of preload/arguments.c; see preload.c.
#ifndef KUASAR_PRELOAD_H
#define KUASAR_PRELOAD_H

#include <stdbool.h>

// Writes the library out where the arguments ask for it. Returns false where they do not; else `code` is for exit.
bool preload_main(int argc, char **argv, int *code);

#endif
