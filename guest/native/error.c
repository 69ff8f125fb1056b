// Errors: from errno to a JavaScript Error, and from an exception to the log.
#include "native.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

JSValue throw_errno(JSContext *ctx, int err, const char *syscall, const char *subject) {
  char message[512];
  const char *code = strerrorname_np(err);
  if (!code) code = "UNKNOWN";
  snprintf(message, sizeof message, "%s%s%.300s: %s (%s)", syscall, subject ? " " : "", subject ? subject : "",
           strerror(err), code);
  JSValue error = JS_NewError(ctx);
  if (JS_IsException(error)) return JS_EXCEPTION;
  const int hidden = JS_PROP_WRITABLE | JS_PROP_CONFIGURABLE;
  JS_DefinePropertyValueStr(ctx, error, "name", JS_NewString(ctx, "SysError"), hidden);
  JS_DefinePropertyValueStr(ctx, error, "message", JS_NewString(ctx, message), hidden);
  JS_DefinePropertyValueStr(ctx, error, "errno", JS_NewInt32(ctx, err), JS_PROP_C_W_E);
  JS_DefinePropertyValueStr(ctx, error, "code", JS_NewString(ctx, code), JS_PROP_C_W_E);
  JS_DefinePropertyValueStr(ctx, error, "syscall", JS_NewString(ctx, syscall), JS_PROP_C_W_E);
  return JS_Throw(ctx, error);
}

int bad_argument(JSContext *ctx, const char *what) {
  JS_ThrowTypeError(ctx, "%s", what);
  return -1;
}

void log_bytes(const char *text, size_t length) {
  // stderr may be a non-blocking pipe or a slow console: wait a little, never for ever.
  for (int patience = 50; length > 0 && patience > 0;) {
    ssize_t n = write(STDERR_FILENO, text, length);
    if (n > 0) {
      text += n;
      length -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      struct pollfd waiting = {.fd = STDERR_FILENO, .events = POLLOUT};
      poll(&waiting, 1, 20);
      patience--;
    } else if (n < 0 && errno == EINTR) {
      patience--;
    } else {
      return;
    }
  }
}

static void log_text(const char *text) { log_bytes(text, strlen(text)); }

static void log_value(JSContext *ctx, JSValueConst value) {
  size_t length;
  const char *text = JS_ToCStringLen(ctx, &length, value);
  if (text) {
    log_bytes(text, length);
    JS_FreeCString(ctx, text);
  } else {
    JS_FreeValue(ctx, JS_GetException(ctx));
    log_text("(no text)");
  }
}

// The error itself and up to 4 causes, each with its stack.
void log_exception(JSContext *ctx, const char *where, JSValue exception) {
  JSValue current = JS_DupValue(ctx, exception);
  for (int depth = 0; depth < 5; depth++) {
    log_text(depth == 0 ? where : "  caused by");
    log_text(": ");
    log_value(ctx, current);
    log_text("\n");
    if (!JS_IsObject(current)) break;
    JSValue stack = JS_GetPropertyStr(ctx, current, "stack");
    if (JS_IsString(stack)) log_value(ctx, stack);
    if (JS_IsException(stack)) JS_FreeValue(ctx, JS_GetException(ctx));
    JS_FreeValue(ctx, stack);
    JSValue cause = JS_GetPropertyStr(ctx, current, "cause");
    if (JS_IsException(cause)) {
      JS_FreeValue(ctx, JS_GetException(ctx));
      cause = JS_UNDEFINED;
    }
    JS_FreeValue(ctx, current);
    current = cause;
    if (JS_IsUndefined(current) || JS_IsNull(current)) break;
  }
  JS_FreeValue(ctx, current);
  JS_FreeValue(ctx, exception);
}
