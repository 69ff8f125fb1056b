// From JavaScript values to C and back, without implicit conversion.
#include "native.h"
#include <stdlib.h>
#include <string.h>

int arg_int(JSContext *ctx, JSValueConst value, int *out) {
  double number;
  if (!JS_IsNumber(value)) return bad_argument(ctx, "a number is needed");
  if (JS_ToFloat64(ctx, &number, value)) return -1;
  // Unsigned 32-bit numbers (flags, vsock ports) are taken by their bits.
  if (!(number >= INT32_MIN && number <= UINT32_MAX) || number != (double)(int64_t)number) {
    return bad_argument(ctx, "an integer of 32 bits is needed");
  }
  *out = (int)(uint32_t)(int64_t)number;
  return 0;
}

int arg_int_or(JSContext *ctx, JSValueConst value, int *out, int fallback) {
  if (!JS_IsUndefined(value)) return arg_int(ctx, value, out);
  *out = fallback;
  return 0;
}

int arg_i64_or(JSContext *ctx, JSValueConst value, int64_t *out, int64_t fallback) {
  *out = fallback;
  if (JS_IsUndefined(value)) return 0;
  double number;
  if (!JS_IsNumber(value)) return bad_argument(ctx, "a number is needed");
  if (JS_ToFloat64(ctx, &number, value)) return -1;
  if (!(number >= -9007199254740991.0 && number <= 9007199254740991.0)) return bad_argument(ctx, "an integer is needed");
  *out = (int64_t)number;
  return 0;
}

int arg_bool_or(JSContext *ctx, JSValueConst value, bool *out, bool fallback) {
  *out = fallback;
  if (JS_IsUndefined(value)) return 0;
  if (!JS_IsBool(value)) return bad_argument(ctx, "a boolean is needed");
  *out = JS_ToBool(ctx, value) > 0;
  return 0;
}

const char *arg_string(JSContext *ctx, JSValueConst value) {
  if (!JS_IsString(value)) {
    bad_argument(ctx, "a string is needed");
    return NULL;
  }
  size_t length;
  const char *text = JS_ToCStringLen(ctx, &length, value);
  if (text && strlen(text) != length) {
    throw_errno(ctx, EINVAL, "string with a NUL byte", text);
    JS_FreeCString(ctx, text);
    return NULL;
  }
  return text;
}

int arg_bytes(JSContext *ctx, JSValueConst value, uint8_t **data, size_t *length) {
  size_t offset, total, element;
  JSValue buffer = JS_GetTypedArrayBuffer(ctx, value, &offset, length, &element);
  if (JS_IsException(buffer)) return -1;
  uint8_t *start = JS_GetArrayBuffer(ctx, &total, buffer);
  JS_FreeValue(ctx, buffer);  // the typed array still holds it
  if (element != 1) return bad_argument(ctx, "a Uint8Array is needed");
  if (!start) {
    // NULL is also an empty buffer; only a detached one has thrown.
    if (*length == 0 && !JS_HasException(ctx)) {
      static uint8_t nothing;
      *data = &nothing;
      return 0;
    }
    if (!JS_HasException(ctx)) bad_argument(ctx, "the array is detached");
    return -1;
  }
  *data = start + offset;
  return 0;
}

static int array_length(JSContext *ctx, JSValueConst value, size_t limit, size_t *length) {
  int is_array = JS_IsArray(ctx, value);
  if (is_array < 0) return -1;
  if (!is_array) return bad_argument(ctx, "an array is needed");
  JSValue property = JS_GetPropertyStr(ctx, value, "length");
  int64_t count;
  int failed = JS_ToInt64(ctx, &count, property);
  JS_FreeValue(ctx, property);
  if (failed) return -1;
  if (count < 0 || (uint64_t)count > limit) return bad_argument(ctx, "the array is too long");
  *length = (size_t)count;
  return 0;
}

void free_strings(char **strings) {
  if (!strings) return;
  for (char **p = strings; *p; p++) free(*p);
  free(strings);
}

char **arg_strings(JSContext *ctx, JSValueConst value, size_t limit) {
  size_t count;
  if (array_length(ctx, value, limit, &count)) return NULL;
  char **strings = calloc(count + 1, sizeof *strings);
  if (!strings) {
    JS_ThrowOutOfMemory(ctx);
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    JSValue item = JS_GetPropertyUint32(ctx, value, (uint32_t)i);
    const char *text = JS_IsException(item) ? NULL : arg_string(ctx, item);
    JS_FreeValue(ctx, item);
    if (text) {
      strings[i] = strdup(text);
      JS_FreeCString(ctx, text);
      if (!strings[i]) JS_ThrowOutOfMemory(ctx);
    }
    if (!strings[i]) {
      free_strings(strings);
      return NULL;
    }
  }
  return strings;
}

int arg_fds(JSContext *ctx, JSValueConst value, int *fds, int limit) {
  size_t count;
  if (array_length(ctx, value, (size_t)limit, &count)) return -1;
  for (size_t i = 0; i < count; i++) {
    JSValue item = JS_GetPropertyUint32(ctx, value, (uint32_t)i);
    int failed = JS_IsException(item) ? -1 : arg_int(ctx, item, &fds[i]);
    JS_FreeValue(ctx, item);
    if (failed) return -1;
  }
  return (int)count;
}

static JSValue view_of(JSContext *ctx, JSValue buffer) {
  if (JS_IsException(buffer)) return buffer;
  // The constructor reads offset and length whatever the count of arguments says.
  JSValueConst arguments[] = {buffer, JS_UNDEFINED, JS_UNDEFINED};
  JSValue view = JS_NewTypedArray(ctx, 1, arguments, JS_TYPED_ARRAY_UINT8);
  JS_FreeValue(ctx, buffer);
  return view;
}

JSValue new_bytes(JSContext *ctx, const void *data, size_t length) {
  return view_of(ctx, JS_NewArrayBufferCopy(ctx, data, length));
}

static void free_owned(JSRuntime *rt, void *opaque, void *data) {
  (void)opaque;
  js_free_rt(rt, data);
}

JSValue new_bytes_owned(JSContext *ctx, void *data, size_t length) {
  JSValue buffer = JS_NewArrayBuffer(ctx, data, length, free_owned, NULL, false);
  if (JS_IsException(buffer)) js_free(ctx, data);
  return view_of(ctx, buffer);
}

bool set_value(JSContext *ctx, JSValueConst object, const char *name, JSValue value) {
  return !JS_IsException(value) && JS_DefinePropertyValueStr(ctx, object, name, value, JS_PROP_C_W_E) >= 0;
}

bool set_number(JSContext *ctx, JSValueConst object, const char *name, double value) {
  bool small = value >= INT32_MIN && value <= INT32_MAX && value == (double)(int32_t)value;
  return set_value(ctx, object, name, small ? JS_NewInt32(ctx, (int32_t)value) : JS_NewFloat64(ctx, value));
}

bool set_string(JSContext *ctx, JSValueConst object, const char *name, const char *value) {
  return set_value(ctx, object, name, JS_NewString(ctx, value));
}
