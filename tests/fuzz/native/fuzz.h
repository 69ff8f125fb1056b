// What the C files of the fuzzing program share. Each of keeper.c and greeter.c holds the file of that name of guest/native, whose
// parsers are its own affair otherwise.
#ifndef KUASAR_FUZZ_H
#define KUASAR_FUZZ_H

#include "native.h"

// Ends the process as a sanitizer does.
_Noreturn void fuzz_fault(const char *what);
void fuzz_keeper_hears(const uint8_t *packets, size_t length);
unsigned long long fuzz_keeper_reads(const uint8_t *stat, size_t length);
int fuzz_greeter_finds(const uint8_t *variables, size_t length);

#endif
