// Starts a service whose clients do not wait long for its first words; see greeter.c.
#ifndef KUASAR_GREETER_H
#define KUASAR_GREETER_H

#include <stdbool.h>

// Set in the environment of the service: the name of the socket and the number of the channel's descriptor, `sandboxer:5`.
#define GREETER_VARIABLE "KUASAR_GREETER"

// Becomes the command where the arguments ask for the greeter; returns only where that failed, with `code` for exit, or, false,
// where they do not ask.
bool greeter_main(int argc, char **argv, int *code);

#endif
