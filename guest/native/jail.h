// Starts a program that may do no more than it must.
#ifndef KUASAR_JAIL_H
#define KUASAR_JAIL_H

#include <stdbool.h>

// True where the command line is `kuasar-jail KEY=VALUE... -- PROGRAM ARGUMENT...`; comes back only on failure.
bool jail_main(int argc, char **argv, int *code);

#endif
