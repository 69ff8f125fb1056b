// The parent of the task server on a host; see keeper.c.
#ifndef KUASAR_KEEPER_H
#define KUASAR_KEEPER_H

#include <stdbool.h>

// Set in the environment of a server that has a keeper: the number of its channel's descriptor.
#define KEEPER_VARIABLE "KUASAR_KEEPER_FD"

// Whether this process is to be the keeper: the task server, not yet under one, and not only asked for help.
bool keeper_wanted(int argc, char **argv);
int keeper_main(int argc, char **argv);

#endif
