// The machine: mounts, namespaces, clock, power, entropy.
#include "native.h"
#include <fcntl.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char *or_null(const char *text) { return text && *text ? text : NULL; }

static JSValue js_mount(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int64_t flags;
  if (arg_i64_or(ctx, ARG(3), &flags, 0)) return JS_EXCEPTION;
  const char *source = arg_string(ctx, ARG(0));
  const char *target = source ? arg_string(ctx, ARG(1)) : NULL;
  const char *type = target ? arg_string(ctx, ARG(2)) : NULL;
  const char *data = type && !JS_IsUndefined(ARG(4)) ? arg_string(ctx, argv[4]) : NULL;
  JSValue result = JS_EXCEPTION;
  if (type && (data || JS_IsUndefined(ARG(4)))) {
    int failed = mount(or_null(source), target, or_null(type), (unsigned long)flags, or_null(data));
    result = failed ? throw_errno(ctx, errno, "mount", target) : JS_UNDEFINED;
  }
  JS_FreeCString(ctx, source);
  JS_FreeCString(ctx, target);
  JS_FreeCString(ctx, type);
  JS_FreeCString(ctx, data);
  return result;
}

static JSValue js_umount(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int flags;
  if (arg_int_or(ctx, ARG(1), &flags, 0)) return JS_EXCEPTION;
  const char *target = arg_string(ctx, ARG(0));
  if (!target) return JS_EXCEPTION;
  JSValue result = umount2(target, flags) ? throw_errno(ctx, errno, "umount2", target) : JS_UNDEFINED;
  JS_FreeCString(ctx, target);
  return result;
}

static JSValue js_pivot_root(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *root = arg_string(ctx, ARG(0));
  const char *old = root ? arg_string(ctx, ARG(1)) : NULL;
  JSValue result = JS_EXCEPTION;
  if (old) result = syscall(SYS_pivot_root, root, old) ? throw_errno(ctx, errno, "pivot_root", root) : JS_UNDEFINED;
  JS_FreeCString(ctx, root);
  JS_FreeCString(ctx, old);
  return result;
}

static JSValue js_sethostname(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *name = arg_string(ctx, ARG(0));
  if (!name) return JS_EXCEPTION;
  JSValue result = sethostname(name, strlen(name)) ? throw_errno(ctx, errno, "sethostname", name) : JS_UNDEFINED;
  JS_FreeCString(ctx, name);
  return result;
}

static JSValue js_unshare(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int flags;
  if (arg_int(ctx, ARG(0), &flags)) return JS_EXCEPTION;
  return unshare(flags) ? throw_errno(ctx, errno, "unshare", NULL) : JS_UNDEFINED;
}

static JSValue js_setns(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, type;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &type)) return JS_EXCEPTION;
  return setns(fd, type) ? throw_errno(ctx, errno, "setns", NULL) : JS_UNDEFINED;
}

static JSValue js_reboot(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int command;
  if (arg_int(ctx, ARG(0), &command)) return JS_EXCEPTION;
  return reboot(command) ? throw_errno(ctx, errno, "reboot", NULL) : JS_UNDEFINED;
}

static JSValue js_sync(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)ctx, (void)self, (void)argc, (void)argv;
  sync();
  return JS_UNDEFINED;
}

static JSValue js_clock_gettime(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int clock;
  struct timespec t;
  if (arg_int(ctx, ARG(0), &clock)) return JS_EXCEPTION;
  if (clock_gettime(clock, &t)) return throw_errno(ctx, errno, "clock_gettime", NULL);
  return JS_NewBigInt64(ctx, (int64_t)t.tv_sec * 1000000000 + t.tv_nsec);
}

static JSValue js_clock_settime(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int clock;
  int64_t ns;
  if (arg_int(ctx, ARG(0), &clock) || JS_ToBigInt64(ctx, &ns, ARG(1))) return JS_EXCEPTION;
  if (ns < 0) return throw_errno(ctx, EINVAL, "clock_settime", NULL);
  struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  return clock_settime(clock, &t) ? throw_errno(ctx, errno, "clock_settime", NULL) : JS_UNDEFINED;
}

static JSValue js_now_ms(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  return JS_NewFloat64(ctx, now_ms());
}

static JSValue js_uname(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  struct utsname name;
  if (uname(&name)) return throw_errno(ctx, errno, "uname", NULL);
  JSValue object = JS_NewObject(ctx);
  if (JS_IsException(object)) return object;
  bool ok = set_string(ctx, object, "sysname", name.sysname) && set_string(ctx, object, "nodename", name.nodename) &&
            set_string(ctx, object, "release", name.release) && set_string(ctx, object, "version", name.version) &&
            set_string(ctx, object, "machine", name.machine);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue js_random_fill(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  if (arg_bytes(ctx, ARG(0), &data, &length)) return JS_EXCEPTION;
  while (length > 0) {
    // A guest that has just booted must not hang here; what is drawn are ids, not keys.
    ssize_t n = getrandom(data, length, GRND_INSECURE);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return throw_errno(ctx, errno, "getrandom", NULL);
    data += n;
    length -= (size_t)n;
  }
  return JS_UNDEFINED;
}

static JSValue js_add_entropy(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  uint8_t *data;
  size_t length;
  struct {
    struct rand_pool_info head;
    uint8_t bytes[512];
  } pool;
  if (arg_bytes(ctx, ARG(0), &data, &length)) return JS_EXCEPTION;
  if (length > sizeof pool.bytes) return throw_errno(ctx, EINVAL, "addEntropy", NULL);
  memset(&pool, 0, sizeof pool);
  memcpy((uint8_t *)&pool + offsetof(struct rand_pool_info, buf), data, length);
  pool.head.entropy_count = (int)length * 8;
  pool.head.buf_size = (int)length;
  int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return throw_errno(ctx, errno, "open", "/dev/random");
  int err = ioctl(fd, RNDADDENTROPY, &pool) ? errno : 0;
  explicit_bzero(&pool, sizeof pool);
  close(fd);
  return err ? throw_errno(ctx, err, "ioctl RNDADDENTROPY", NULL) : JS_UNDEFINED;
}

static JSValue js_finit_module(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  const char *parameters = path ? arg_string(ctx, ARG(1)) : NULL;
  JSValue result = JS_EXCEPTION;
  if (parameters) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = fd < 0 || syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
    if (fd >= 0) close(fd);
    result = err ? throw_errno(ctx, err, fd < 0 ? "open" : "finit_module", path) : JS_UNDEFINED;
  }
  JS_FreeCString(ctx, path);
  JS_FreeCString(ctx, parameters);
  return result;
}

#define CONSTANT(name, value) JS_PROP_INT32_DEF(name, value, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry mount_flags[] = {
    CONSTANT("RDONLY", MS_RDONLY),   CONSTANT("NOSUID", MS_NOSUID),
    CONSTANT("NODEV", MS_NODEV),     CONSTANT("NOEXEC", MS_NOEXEC),
    CONSTANT("REMOUNT", MS_REMOUNT), CONSTANT("SYNCHRONOUS", MS_SYNCHRONOUS),
    CONSTANT("BIND", MS_BIND),       CONSTANT("DIRSYNC", MS_DIRSYNC),
    CONSTANT("MOVE", MS_MOVE),       CONSTANT("NOATIME", MS_NOATIME),
    CONSTANT("REC", MS_REC),         CONSTANT("PRIVATE", MS_PRIVATE),
    CONSTANT("SLAVE", MS_SLAVE),     CONSTANT("SHARED", MS_SHARED),
    CONSTANT("RELATIME", MS_RELATIME), CONSTANT("UNBINDABLE", MS_UNBINDABLE),
    CONSTANT("LAZYTIME", MS_LAZYTIME), CONSTANT("STRICTATIME", MS_STRICTATIME),
};
static const JSCFunctionListEntry umount_flags[] = {
    CONSTANT("FORCE", MNT_FORCE), CONSTANT("DETACH", MNT_DETACH), CONSTANT("NOFOLLOW", UMOUNT_NOFOLLOW),
};
static const JSCFunctionListEntry clone_flags[] = {
    CONSTANT("NEWNS", CLONE_NEWNS),   CONSTANT("NEWCGROUP", CLONE_NEWCGROUP), CONSTANT("NEWUTS", CLONE_NEWUTS),
    CONSTANT("NEWIPC", CLONE_NEWIPC), CONSTANT("NEWUSER", CLONE_NEWUSER),     CONSTANT("NEWPID", CLONE_NEWPID),
    CONSTANT("NEWNET", CLONE_NEWNET),
};
static const JSCFunctionListEntry reboot_commands[] = {
    CONSTANT("AUTOBOOT", RB_AUTOBOOT), CONSTANT("POWER_OFF", RB_POWER_OFF), CONSTANT("HALT", (int)RB_HALT_SYSTEM),
};
static const JSCFunctionListEntry clocks[] = {
    CONSTANT("REALTIME", CLOCK_REALTIME), CONSTANT("MONOTONIC", CLOCK_MONOTONIC), CONSTANT("BOOTTIME", CLOCK_BOOTTIME),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("mount", 5, js_mount),
    JS_CFUNC_DEF("umount", 2, js_umount),
    JS_CFUNC_DEF("pivotRoot", 2, js_pivot_root),
    JS_CFUNC_DEF("sethostname", 1, js_sethostname),
    JS_CFUNC_DEF("unshare", 1, js_unshare),
    JS_CFUNC_DEF("setns", 2, js_setns),
    JS_CFUNC_DEF("reboot", 1, js_reboot),
    JS_CFUNC_DEF("sync", 0, js_sync),
    JS_CFUNC_DEF("clockGettime", 1, js_clock_gettime),
    JS_CFUNC_DEF("clockSettime", 2, js_clock_settime),
    JS_CFUNC_DEF("nowMs", 0, js_now_ms),
    JS_CFUNC_DEF("uname", 0, js_uname),
    JS_CFUNC_DEF("randomFill", 1, js_random_fill),
    JS_CFUNC_DEF("addEntropy", 1, js_add_entropy),
    JS_CFUNC_DEF("finitModule", 2, js_finit_module),
    JS_OBJECT_DEF("MS", mount_flags, COUNT(mount_flags), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("MNT", umount_flags, COUNT(umount_flags), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("CLONE", clone_flags, COUNT(clone_flags), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("RB", reboot_commands, COUNT(reboot_commands), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("CLOCK", clocks, COUNT(clocks), JS_PROP_ENUMERABLE),
};
const struct topic system_topic = {entries, COUNT(entries)};
