// Inputs of a target, made from what it reads in ordinary life; the same ones for the same seed. As edits.ts makes them for the services.
#ifndef KUASAR_FUZZ_INPUTS_H
#define KUASAR_FUZZ_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_INPUT = 4096 };

void start_inputs(uint32_t seed);
// Adds a sample, or a word that means something to the target. Copies it.
void add_piece(const uint8_t *bytes, size_t length, bool word);
// Writes the next input, at most MAX_INPUT bytes. Returns its length.
uint32_t next_input(uint8_t *input);

#endif
