// One-shot timers: a binary heap ordered by deadline.
#include "native.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>

struct timer {
  double deadline;
  uint32_t id;
  JSValue callback;
};
static struct timer *heap;
static size_t count, capacity;
static uint32_t last_id;

double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

// Ids grow, so that of two equal deadlines the older timer is first.
static bool before(const struct timer *a, const struct timer *b) {
  return a->deadline < b->deadline || (a->deadline == b->deadline && a->id < b->id);
}

static void swap(size_t a, size_t b) {
  struct timer t = heap[a];
  heap[a] = heap[b];
  heap[b] = t;
}

static void sift_up(size_t i) {
  for (; i > 0 && before(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2) swap(i, (i - 1) / 2);
}

static void sift_down(size_t i) {
  for (;;) {
    size_t least = i;
    for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
      if (child < count && before(&heap[child], &heap[least])) least = child;
    }
    if (least == i) return;
    swap(i, least);
    i = least;
  }
}

// The caller gets the callback.
static JSValue take(size_t i) {
  JSValue callback = heap[i].callback;
  count--;
  if (i < count) {
    heap[i] = heap[count];
    sift_down(i);
    sift_up(i);
  }
  return callback;
}

JSValue timer_set(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  double delay;
  if (!JS_IsFunction(ctx, ARG(0))) return bad_argument(ctx, "setTimer needs a callback"), JS_EXCEPTION;
  if (!JS_IsNumber(ARG(1))) return bad_argument(ctx, "setTimer needs a delay in ms"), JS_EXCEPTION;
  if (JS_ToFloat64(ctx, &delay, argv[1])) return JS_EXCEPTION;
  if (!(delay >= 0)) delay = 0;  // NaN too
  if (delay > 2147483647.0) delay = 2147483647.0;
  if (count == capacity) {
    size_t larger = capacity ? capacity * 2 : 16;
    struct timer *grown = realloc(heap, larger * sizeof *heap);
    if (!grown) return JS_ThrowOutOfMemory(ctx);
    heap = grown;
    capacity = larger;
  }
  if (++last_id > INT32_MAX) last_id = 1;
  heap[count] = (struct timer){now_ms() + delay, last_id, JS_DupValue(ctx, argv[0])};
  sift_up(count++);
  return JS_NewUint32(ctx, last_id);
}

JSValue timer_clear(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int id;
  if (arg_int(ctx, ARG(0), &id)) return JS_EXCEPTION;
  for (size_t i = 0; i < count; i++) {
    if (heap[i].id != (uint32_t)id) continue;
    JS_FreeValue(ctx, take(i));
    break;
  }
  return JS_UNDEFINED;
}

int timer_next_ms(void) {
  if (!count) return -1;
  double left = ceil(heap[0].deadline - now_ms());
  return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

void timer_fire(JSContext *ctx) {
  if (!count) return;
  double now = now_ms();
  // Timers set by a callback have a later deadline, except those of 0 ms: a bounded number per round.
  for (size_t left = count; left && count && heap[0].deadline <= now; left--) {
    JSValue callback = take(0);
    loop_call(ctx, callback, JS_UNDEFINED);
    JS_FreeValue(ctx, callback);
  }
}

void timer_free(JSContext *ctx) {
  while (count) JS_FreeValue(ctx, take(count - 1));
  free(heap);
  heap = NULL;
  capacity = 0;
}
