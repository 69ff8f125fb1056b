#include "inputs.h"
#include "fuzz.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_PIECES = 256, MAX_EDITS = 5, MAX_LENGTH = 64, MAX_TIMES = 12 };

struct list {
  struct {
    uint8_t *bytes;
    size_t length;
  } pieces[MAX_PIECES];
  uint32_t count;
};
static struct list samples, words;
static uint64_t state;

// Lengths and ids at which parsers change their mind.
static const uint32_t numbers[] = {
    0, 1, 4, 10, 127, 128, 255, 256, 65535, 65536, (256 << 10) - 1, 256 << 10, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, 0xffffff, 0x7fffffff,
    0x80000000, 0xffffffff,
};

// splitmix64.
static uint32_t below(uint32_t limit) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (uint32_t)((z ^ (z >> 31)) % limit);
}

void start_inputs(uint32_t seed) { state = seed; }

void add_piece(const uint8_t *bytes, size_t length, bool word) {
  struct list *list = word ? &words : &samples;
  uint8_t *copy = malloc(length ? length : 1);
  if (!copy || list->count == MAX_PIECES || length > MAX_INPUT) fuzz_fault("no room for a sample");
  memcpy(copy, bytes, length);
  list->pieces[list->count].bytes = copy;
  list->pieces[list->count++].length = length;
}

// Makes room for `length` bytes at `at`, as far as there is any. Returns how many there is room for.
static size_t make_room(uint8_t *input, size_t *size, size_t at, size_t length) {
  if (length > MAX_INPUT - *size) length = MAX_INPUT - *size;
  memmove(input + at + length, input + at, *size - at);
  *size += length;
  return length;
}

static void edit(uint8_t *input, size_t *size) {
  size_t at = below((uint32_t)*size + 1), length = below(MAX_LENGTH + 1), left = *size - at;
  if (length > left) length = left;
  switch (below(7)) {
    case 0:
      if (left) input[at] ^= (uint8_t)(1 << below(8));
      return;
    case 1:
      if (left) input[at] = (uint8_t)below(256);
      return;
    case 2: {
      uint32_t number = numbers[below(COUNT(numbers))];
      for (size_t i = 0; i < 4 && i < left; i++) input[at + i] = (uint8_t)(number >> (24 - 8 * i));
      return;
    }
    case 3:
      memmove(input + at, input + at + length, left - length);
      *size -= length;
      return;
    case 4:
      for (uint32_t times = below(MAX_TIMES + 1); times; times--) {
        size_t room = make_room(input, size, at, length);
        if (room < length) return;
        memmove(input + at, input + at + length, length);
      }
      return;
    case 5:
      if (words.count && below(4)) {
        uint32_t which = below(words.count);
        size_t room = make_room(input, size, at, words.pieces[which].length);
        memcpy(input + at, words.pieces[which].bytes, room);
      } else {
        size_t room = make_room(input, size, at, below(MAX_LENGTH + 1));
        for (size_t i = 0; i < room; i++) input[at + i] = (uint8_t)below(256);
      }
      return;
    default:
      // Seldom: what is short is refused early.
      if (!below(4)) *size = at;
  }
}

uint32_t next_input(uint8_t *input) {
  uint32_t which = below(samples.count);
  size_t size = samples.pieces[which].length;
  memcpy(input, samples.pieces[which].bytes, size);
  for (uint32_t edits = below(MAX_EDITS + 1); edits; edits--) edit(input, &size);
  return (uint32_t)size;
}
