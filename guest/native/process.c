// Processes: who we are, signals, reaping, limits.
#include "native.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static JSValue strings_array(JSContext *ctx, char **strings, int count) {
  JSValue list = JS_NewArray(ctx);
  for (int i = 0; !JS_IsException(list) && (count < 0 ? strings[i] != NULL : i < count); i++) {
    if (JS_DefinePropertyValueUint32(ctx, list, (uint32_t)i, JS_NewString(ctx, strings[i]), JS_PROP_C_W_E) >= 0) continue;
    JS_FreeValue(ctx, list);
    list = JS_EXCEPTION;
  }
  return list;
}

static JSValue js_args(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return strings_array(ctx, sys_argv, sys_argc);
}

static JSValue js_environ(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return environ ? strings_array(ctx, environ, -1) : JS_NewArray(ctx);
}

static JSValue js_getenv(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *name = arg_string(ctx, ARG(0));
  if (!name) return JS_EXCEPTION;
  const char *value = getenv(name);
  JS_FreeCString(ctx, name);
  return value ? JS_NewString(ctx, value) : JS_NULL;
}

static JSValue js_setenv(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *name = arg_string(ctx, ARG(0));
  const char *value = name ? arg_string(ctx, ARG(1)) : NULL;
  JSValue result = JS_EXCEPTION;
  if (value) {
    result = setenv(name, value, 1) ? throw_errno(ctx, errno, "setenv", name) : JS_UNDEFINED;
    JS_FreeCString(ctx, value);
  }
  if (name) JS_FreeCString(ctx, name);
  return result;
}

enum identity { PID, PPID, EUID };

static JSValue js_identity(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int which) {
  (void)self, (void)argc, (void)argv;
  return JS_NewInt64(ctx, which == PID ? getpid() : which == PPID ? getppid() : (int64_t)geteuid());
}

static JSValue js_kill(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int pid, signal;
  if (arg_int(ctx, ARG(0), &pid) || arg_int(ctx, ARG(1), &signal)) return JS_EXCEPTION;
  return kill(pid, signal) ? throw_errno(ctx, errno, "kill", NULL) : JS_UNDEFINED;
}

static JSValue js_pidfd_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int pid;
  if (arg_int(ctx, ARG(0), &pid)) return JS_EXCEPTION;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? throw_errno(ctx, errno, "pidfd_open", NULL) : JS_NewInt32(ctx, fd);
}

static JSValue js_pidfd_send_signal(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, signal;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &signal)) return JS_EXCEPTION;
  return syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0) ? throw_errno(ctx, errno, "pidfd_send_signal", NULL) : JS_UNDEFINED;
}

// struct pidfd_info as of Linux 6.15 (linux/pidfd.h), which is newer than the headers that we are built with.
struct exit_info {
  uint64_t mask, cgroup_id;
  uint32_t ids[11];
  int32_t exit_code;
};
_Static_assert(sizeof(struct exit_info) == 64, "the size is part of the call's number");
#define GET_EXIT_INFO _IOWR(0xff, 11, struct exit_info)
#define INFO_EXIT (UINT64_C(1) << 3)

static JSValue js_pidfd_exit_code(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct exit_info info = {.mask = INFO_EXIT};
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (ioctl(fd, GET_EXIT_INFO, &info) || !(info.mask & INFO_EXIT)) return JS_NewInt32(ctx, -1);
  int status = info.exit_code;
  return JS_NewInt32(ctx, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static JSValue reap(JSContext *ctx, pid_t which) {
  int status;
  pid_t pid;
  do pid = waitpid(which, &status, WNOHANG);
  while (pid < 0 && errno == EINTR);
  // No child at all is no error for "any": there is just nothing to reap.
  if (pid == 0 || (pid < 0 && errno == ECHILD && which < 0)) return JS_NULL;
  if (pid < 0) return throw_errno(ctx, errno, "waitpid", NULL);
  int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  JSValue object = JS_NewObject(ctx);
  bool ok = !JS_IsException(object) && set_number(ctx, object, "pid", pid) &&
            set_number(ctx, object, "code", signal ? 128 + signal : WEXITSTATUS(status)) &&
            set_number(ctx, object, "signal", signal);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue js_wait_any(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return reap(ctx, -1);
}

static JSValue js_wait_pid(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int pid;
  if (arg_int(ctx, ARG(0), &pid)) return JS_EXCEPTION;
  if (pid <= 0) return throw_errno(ctx, EINVAL, "waitPid", NULL);
  return reap(ctx, pid);
}

static JSValue js_set_subreaper(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  bool on;
  if (arg_bool_or(ctx, ARG(0), &on, true)) return JS_EXCEPTION;
  return prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) ? throw_errno(ctx, errno, "prctl", NULL) : JS_UNDEFINED;
}

static JSValue js_set_process_name(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *name = arg_string(ctx, ARG(0));
  if (!name) return JS_EXCEPTION;
  prctl(PR_SET_NAME, name, 0, 0, 0);
  JS_FreeCString(ctx, name);
  return JS_UNDEFINED;
}

static double limit_number(rlim_t limit) { return limit == RLIM_INFINITY ? -1 : (double)limit; }

static JSValue js_getrlimit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int resource;
  struct rlimit limit;
  if (arg_int(ctx, ARG(0), &resource)) return JS_EXCEPTION;
  if (getrlimit((__rlimit_resource_t)resource, &limit)) return throw_errno(ctx, errno, "getrlimit", NULL);
  JSValue object = JS_NewObject(ctx);
  bool ok = !JS_IsException(object) && set_number(ctx, object, "soft", limit_number(limit.rlim_cur)) &&
            set_number(ctx, object, "hard", limit_number(limit.rlim_max));
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue js_setrlimit(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int resource;
  int64_t soft, hard;
  if (arg_int(ctx, ARG(0), &resource) || arg_i64_or(ctx, ARG(1), &soft, -1) || arg_i64_or(ctx, ARG(2), &hard, -1)) {
    return JS_EXCEPTION;
  }
  struct rlimit limit = {.rlim_cur = soft < 0 ? RLIM_INFINITY : (rlim_t)soft, .rlim_max = hard < 0 ? RLIM_INFINITY : (rlim_t)hard};
  return setrlimit((__rlimit_resource_t)resource, &limit) ? throw_errno(ctx, errno, "setrlimit", NULL) : JS_UNDEFINED;
}

#define CONSTANT(prefix, name) JS_PROP_INT32_DEF(#name, prefix##name, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry limits[] = {
    CONSTANT(RLIMIT_, CORE), CONSTANT(RLIMIT_, NPROC), CONSTANT(RLIMIT_, NOFILE), CONSTANT(RLIMIT_, MEMLOCK),
    CONSTANT(RLIMIT_, SIGPENDING),
};
static const JSCFunctionListEntry signals[] = {
    CONSTANT(SIG, HUP),  CONSTANT(SIG, INT),  CONSTANT(SIG, QUIT), CONSTANT(SIG, ABRT), CONSTANT(SIG, KILL),
    CONSTANT(SIG, USR1), CONSTANT(SIG, SEGV), CONSTANT(SIG, USR2), CONSTANT(SIG, PIPE), CONSTANT(SIG, ALRM),
    CONSTANT(SIG, TERM), CONSTANT(SIG, CHLD), CONSTANT(SIG, CONT), CONSTANT(SIG, STOP), CONSTANT(SIG, TSTP),
    CONSTANT(SIG, WINCH),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("args", 0, js_args),
    JS_CFUNC_DEF("getenv", 1, js_getenv),
    JS_CFUNC_DEF("setenv", 2, js_setenv),
    JS_CFUNC_DEF("environ", 0, js_environ),
    JS_CFUNC_MAGIC_DEF("getpid", 0, js_identity, PID),
    JS_CFUNC_MAGIC_DEF("getppid", 0, js_identity, PPID),
    JS_CFUNC_MAGIC_DEF("geteuid", 0, js_identity, EUID),
    JS_CFUNC_DEF("kill", 2, js_kill),
    JS_CFUNC_DEF("pidfdOpen", 1, js_pidfd_open),
    JS_CFUNC_DEF("pidfdSendSignal", 2, js_pidfd_send_signal),
    JS_CFUNC_DEF("pidfdExitCode", 1, js_pidfd_exit_code),
    JS_CFUNC_DEF("waitAny", 0, js_wait_any),
    JS_CFUNC_DEF("waitPid", 1, js_wait_pid),
    JS_CFUNC_DEF("setSubreaper", 1, js_set_subreaper),
    JS_CFUNC_DEF("setProcessName", 1, js_set_process_name),
    JS_CFUNC_DEF("getrlimit", 1, js_getrlimit),
    JS_CFUNC_DEF("setrlimit", 3, js_setrlimit),
    JS_OBJECT_DEF("RLIMIT", limits, COUNT(limits), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("SIG", signals, COUNT(signals), JS_PROP_ENUMERABLE),
};
const struct topic process_topic = {entries, COUNT(entries)};
