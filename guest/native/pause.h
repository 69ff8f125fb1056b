// Holding a PID namespace; see pause.c.
#ifndef KUASAR_PAUSE_H
#define KUASAR_PAUSE_H

#include <stdbool.h>

// Runs `kuasar-pause` where the arguments ask for it. Returns false where they do not; else `code` is for exit.
bool pause_main(int argc, char **argv, int *code);

#endif
