// Pipes, event descriptors and terminals.
#include "native.h"
#include <fcntl.h>
#include <pty.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static JSValue pair_object(JSContext *ctx, const char *first, int a, const char *second, int b) {
  JSValue object = JS_NewObject(ctx);
  if (!JS_IsException(object) && set_number(ctx, object, first, a) && set_number(ctx, object, second, b)) return object;
  JS_FreeValue(ctx, object);
  close(a);
  close(b);
  return JS_EXCEPTION;
}

static JSValue js_pipe(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  bool nonblock;
  int ends[2];
  if (arg_bool_or(ctx, ARG(0), &nonblock, true)) return JS_EXCEPTION;
  if (pipe2(ends, O_CLOEXEC | (nonblock ? O_NONBLOCK : 0))) return throw_errno(ctx, errno, "pipe2", NULL);
  return pair_object(ctx, "read", ends[0], "write", ends[1]);
}

static JSValue js_socketpair(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)) return throw_errno(ctx, errno, "socketpair", NULL);
  JSValue list = JS_NewArray(ctx);
  bool ok = !JS_IsException(list);
  for (uint32_t i = 0; i < 2 && ok; i++) {
    ok = JS_DefinePropertyValueUint32(ctx, list, i, JS_NewInt32(ctx, ends[i]), JS_PROP_C_W_E) >= 0;
  }
  if (ok) return list;
  JS_FreeValue(ctx, list);
  close(ends[0]);
  close(ends[1]);
  return JS_EXCEPTION;
}

static JSValue js_eventfd(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return fd < 0 ? throw_errno(ctx, errno, "eventfd", NULL) : JS_NewInt32(ctx, fd);
}

static JSValue js_inotify_init(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  return fd < 0 ? throw_errno(ctx, errno, "inotify_init", NULL) : JS_NewInt32(ctx, fd);
}

static JSValue js_inotify_add_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, mask;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(2), &mask)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(1));
  if (!path) return JS_EXCEPTION;
  int watch = inotify_add_watch(fd, path, (uint32_t)mask);
  JSValue result = watch < 0 ? throw_errno(ctx, errno, "inotify_add_watch", path) : JS_NewInt32(ctx, watch);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_inotify_remove_watch(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, watch;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &watch)) return JS_EXCEPTION;
  return inotify_rm_watch(fd, watch) ? throw_errno(ctx, errno, "inotify_rm_watch", NULL) : JS_UNDEFINED;
}

static JSValue js_openpty(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  int master, slave;
  if (openpty(&master, &slave, NULL, NULL, NULL)) return throw_errno(ctx, errno, "openpty", NULL);
  if (fcntl(master, F_SETFD, FD_CLOEXEC) || fcntl(slave, F_SETFD, FD_CLOEXEC) || set_nonblock(master, true)) {
    int failed = errno;
    close(master);
    close(slave);
    return throw_errno(ctx, failed, "fcntl", NULL);
  }
  return pair_object(ctx, "master", master, "slave", slave);
}

static JSValue js_set_winsize(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, rows, columns;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &rows) || arg_int(ctx, ARG(2), &columns)) return JS_EXCEPTION;
  if (rows < 0 || rows > UINT16_MAX || columns < 0 || columns > UINT16_MAX) return throw_errno(ctx, EINVAL, "setWinsize", NULL);
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(fd, TIOCSWINSZ, &size) ? throw_errno(ctx, errno, "TIOCSWINSZ", NULL) : JS_UNDEFINED;
}

static JSValue js_get_winsize(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct winsize size;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (ioctl(fd, TIOCGWINSZ, &size)) return throw_errno(ctx, errno, "TIOCGWINSZ", NULL);
  JSValue object = JS_NewObject(ctx);
  if (!JS_IsException(object) && set_number(ctx, object, "rows", size.ws_row) && set_number(ctx, object, "columns", size.ws_col)) {
    return object;
  }
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue js_isatty(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  return JS_NewBool(ctx, isatty(fd) == 1);
}

enum change { ECHO_ON, ECHO_OFF, RAW };

static JSValue change_terminal(JSContext *ctx, int fd, enum change change) {
  struct termios settings;
  if (tcgetattr(fd, &settings)) return throw_errno(ctx, errno, "tcgetattr", NULL);
  if (change == RAW) cfmakeraw(&settings);
  else if (change == ECHO_ON) settings.c_lflag |= ECHO;
  else settings.c_lflag &= (tcflag_t)~ECHO;
  return tcsetattr(fd, TCSANOW, &settings) ? throw_errno(ctx, errno, "tcsetattr", NULL) : JS_UNDEFINED;
}

static JSValue js_set_echo(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  bool on;
  if (arg_int(ctx, ARG(0), &fd) || arg_bool_or(ctx, ARG(1), &on, true)) return JS_EXCEPTION;
  return change_terminal(ctx, fd, on ? ECHO_ON : ECHO_OFF);
}

static JSValue js_set_raw(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  return change_terminal(ctx, fd, RAW);
}

#define CONSTANT(name) JS_PROP_INT32_DEF(#name, IN_##name, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry inotify_masks[] = {
    CONSTANT(ACCESS), CONSTANT(MODIFY), CONSTANT(CLOSE_WRITE), CONSTANT(CREATE), CONSTANT(DELETE), CONSTANT(DELETE_SELF),
    CONSTANT(MOVED_TO), CONSTANT(IGNORED),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("pipe", 1, js_pipe),
    JS_CFUNC_DEF("socketpair", 0, js_socketpair),
    JS_CFUNC_DEF("eventfd", 0, js_eventfd),
    JS_CFUNC_DEF("inotifyInit", 0, js_inotify_init),
    JS_CFUNC_DEF("inotifyAddWatch", 3, js_inotify_add_watch),
    JS_CFUNC_DEF("inotifyRemoveWatch", 2, js_inotify_remove_watch),
    JS_OBJECT_DEF("IN", inotify_masks, COUNT(inotify_masks), JS_PROP_ENUMERABLE),
    JS_CFUNC_DEF("openpty", 0, js_openpty),
    JS_CFUNC_DEF("setWinsize", 3, js_set_winsize),
    JS_CFUNC_DEF("getWinsize", 1, js_get_winsize),
    JS_CFUNC_DEF("isatty", 1, js_isatty),
    JS_CFUNC_DEF("setEcho", 2, js_set_echo),
    JS_CFUNC_DEF("setRaw", 1, js_set_raw),
};
const struct topic tty_topic = {entries, COUNT(entries)};
