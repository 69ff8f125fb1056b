// Text, the log, memory.
#include "native.h"
#include <malloc.h>
#include <string.h>

static JSValue js_utf8_encode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  size_t length;
  if (!JS_IsString(ARG(0))) return bad_argument(ctx, "a string is needed"), JS_EXCEPTION;
  const char *text = JS_ToCStringLen(ctx, &length, argv[0]);
  if (!text) return JS_EXCEPTION;
  uint8_t *copy = js_malloc(ctx, length + 1);
  if (copy) memcpy(copy, text, length);
  JS_FreeCString(ctx, text);
  if (!copy) return JS_EXCEPTION;
  // A lone surrogate comes as ED A0..BF xx, which is not UTF-8; U+FFFD has the same length.
  for (uint8_t *p = copy; length && (p = memchr(p, 0xed, length - (size_t)(p - copy))); p++) {
    if (length - (size_t)(p - copy) >= 3 && p[1] >= 0xa0) memcpy(p, "\xef\xbf\xbd", 3);
  }
  return new_bytes_owned(ctx, copy, length);
}

// Length of the well-formed sequence at `p`, or 0; `*bad` then says how many bytes one U+FFFD stands for
// (the longest prefix of a sequence, as the WHATWG encoding standard has it).
static size_t sequence(const uint8_t *p, size_t left, size_t *bad) {
  uint8_t lead = p[0], low = 0x80, high = 0xbf;
  size_t need;
  *bad = 1;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) need = 1;
  else if (lead >= 0xe0 && lead <= 0xef) need = 2;
  else if (lead >= 0xf0 && lead <= 0xf4) need = 3;
  else return 0;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  for (size_t i = 1; i <= need; i++) {
    if (i >= left || p[i] < low || p[i] > high) return 0;
    low = 0x80;
    high = 0xbf;
    *bad = i + 1;
  }
  return need + 1;
}

static JSValue js_utf8_decode(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length, bad;
  bool fatal;
  if (arg_bytes(ctx, ARG(0), &data, &length) || arg_bool_or(ctx, ARG(1), &fatal, false)) return JS_EXCEPTION;
  size_t at = 0;
  while (at < length) {
    size_t n = sequence(data + at, length - at, &bad);
    if (!n) break;
    at += n;
  }
  if (at == length) return JS_NewStringLen(ctx, (const char *)data, length);
  if (fatal) return throw_errno(ctx, EILSEQ, "utf8Decode", NULL);
  // Each bad byte becomes three at the most.
  char *clean = js_malloc(ctx, at + (length - at) * 3);
  if (!clean) return JS_EXCEPTION;
  memcpy(clean, data, at);
  size_t out = at;
  while (at < length) {
    size_t n = sequence(data + at, length - at, &bad);
    if (n) {
      memcpy(clean + out, data + at, n);
      at += n;
      out += n;
    } else {
      memcpy(clean + out, "\xef\xbf\xbd", 3);
      at += bad;
      out += 3;
    }
  }
  JSValue text = JS_NewStringLen(ctx, clean, out);
  js_free(ctx, clean);
  return text;
}

static JSValue js_log_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  size_t length;
  const char *text = JS_ToCStringLen(ctx, &length, ARG(0));
  if (!text) {
    JS_FreeValue(ctx, JS_GetException(ctx));
    return JS_UNDEFINED;
  }
  log_bytes(text, length);
  JS_FreeCString(ctx, text);
  return JS_UNDEFINED;
}

static JSValue js_strerror(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int number;
  if (arg_int(ctx, ARG(0), &number)) return JS_EXCEPTION;
  return JS_NewString(ctx, strerror(number));
}

static JSValue js_trim_memory(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  JS_RunGC(JS_GetRuntime(ctx));
  malloc_trim(0);
  return JS_UNDEFINED;
}

static JSValue js_heap_usage(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  JSMemoryUsage usage;
  JS_ComputeMemoryUsage(JS_GetRuntime(ctx), &usage);
  JSValue result = JS_NewObject(ctx);
  bool ok = !JS_IsException(result) && set_number(ctx, result, "bytes", (double)usage.memory_used_size) &&
            set_number(ctx, result, "limit", (double)usage.malloc_limit) &&
            set_number(ctx, result, "objects", (double)usage.obj_count);
  if (ok) return result;
  JS_FreeValue(ctx, result);
  return JS_EXCEPTION;
}

#define CONSTANT(name) JS_PROP_INT32_DEF(#name, E##name, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry errors[] = {
    CONSTANT(PERM),        CONSTANT(NOENT),   CONSTANT(SRCH),      CONSTANT(INTR),    CONSTANT(IO),       CONSTANT(NXIO),
    CONSTANT(BADF),        CONSTANT(CHILD),   CONSTANT(AGAIN),     CONSTANT(NOMEM),   CONSTANT(ACCES),    CONSTANT(BUSY),
    CONSTANT(EXIST),       CONSTANT(NODEV),   CONSTANT(NOTDIR),    CONSTANT(ISDIR),   CONSTANT(INVAL),    CONSTANT(FBIG),
    CONSTANT(NOSPC),       CONSTANT(ROFS),    CONSTANT(PIPE),      CONSTANT(NAMETOOLONG), CONSTANT(NOSYS), CONSTANT(NOTEMPTY),
    CONSTANT(MSGSIZE),     CONSTANT(OPNOTSUPP), CONSTANT(ADDRINUSE), CONSTANT(NETDOWN), CONSTANT(CONNRESET), CONSTANT(NOTCONN),
    CONSTANT(TIMEDOUT),    CONSTANT(CONNREFUSED), CONSTANT(ALREADY), CONSTANT(INPROGRESS),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("utf8Encode", 1, js_utf8_encode),
    JS_CFUNC_DEF("utf8Decode", 2, js_utf8_decode),
    JS_CFUNC_DEF("logWrite", 1, js_log_write),
    JS_CFUNC_DEF("strerror", 1, js_strerror),
    JS_CFUNC_DEF("trimMemory", 0, js_trim_memory),
    JS_CFUNC_DEF("heapUsage", 0, js_heap_usage),
    JS_OBJECT_DEF("E", errors, COUNT(errors), JS_PROP_ENUMERABLE),
};
const struct topic text_topic = {entries, COUNT(entries)};
