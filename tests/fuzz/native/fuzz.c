// The module `fuzz`, see fuzz.d.ts. The linker has it made together with `sys` (--wrap=sys_module).
#include "fuzz.h"
#include "inputs.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// A length, and behind it the input.
static struct {
  uint32_t length;
  uint8_t bytes[MAX_INPUT];
} *kept;

_Noreturn void fuzz_fault(const char *what) {
  fprintf(stderr, "FAULT %s\n", what);
  abort();
}

static JSValue js_keep_at(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  JS_FreeCString(ctx, path);
  if (fd < 0 || ftruncate(fd, sizeof *kept)) return throw_errno(ctx, errno, "keepAt", NULL);
  kept = mmap(NULL, sizeof *kept, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return kept == MAP_FAILED ? throw_errno(ctx, errno, "mmap", NULL) : JS_UNDEFINED;
}

static JSValue js_start(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int64_t seed;
  if (arg_i64_or(ctx, ARG(0), &seed, 0)) return JS_EXCEPTION;
  start_inputs((uint32_t)seed);
  return JS_UNDEFINED;
}

static JSValue js_add(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  bool word;
  if (arg_bytes(ctx, ARG(0), &data, &length) || arg_bool_or(ctx, ARG(1), &word, false)) return JS_EXCEPTION;
  add_piece(data, length, word);
  return JS_UNDEFINED;
}

static JSValue js_next(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  kept->length = next_input(kept->bytes);
  return new_bytes(ctx, kept->bytes, kept->length);
}

static JSValue js_keeper_hears(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  if (arg_bytes(ctx, ARG(0), &data, &length)) return JS_EXCEPTION;
  fuzz_keeper_hears(data, length);
  return JS_UNDEFINED;
}

static JSValue js_keeper_reads(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  if (arg_bytes(ctx, ARG(0), &data, &length)) return JS_EXCEPTION;
  return JS_NewFloat64(ctx, (double)fuzz_keeper_reads(data, length));
}

static JSValue js_greeter_finds(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  if (arg_bytes(ctx, ARG(0), &data, &length)) return JS_EXCEPTION;
  return JS_NewInt32(ctx, fuzz_greeter_finds(data, length));
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("keepAt", 1, js_keep_at),
    JS_CFUNC_DEF("start", 1, js_start),
    JS_CFUNC_DEF("add", 2, js_add),
    JS_CFUNC_DEF("next", 0, js_next),
    JS_CFUNC_DEF("keeperHears", 1, js_keeper_hears),
    JS_CFUNC_DEF("keeperReads", 1, js_keeper_reads),
    JS_CFUNC_DEF("greeterFinds", 1, js_greeter_finds),
};

static int fill(JSContext *ctx, JSModuleDef *module) { return JS_SetModuleExportList(ctx, module, entries, COUNT(entries)); }

JSModuleDef *__real_sys_module(JSContext *ctx);
JSModuleDef *__wrap_sys_module(JSContext *ctx) {
  JSModuleDef *module = JS_NewCModule(ctx, "fuzz", fill);
  if (!module || JS_AddModuleExportList(ctx, module, entries, COUNT(entries))) return NULL;
  return __real_sys_module(ctx);
}
