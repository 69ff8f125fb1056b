// A device that swallows and yields nothing, of our own: a process that is given a file may change its owner, its mode and its times,
// and some runtimes do (crun before 1.24). The machine's /dev/null is for its own processes.
#include "native.h"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// Attached nowhere, so nobody else can come by it.
static int open_folder(void) {
  int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int folder = -1;
  if (!fsconfig(context, FSCONFIG_SET_STRING, "size", "4k", 0) && !fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
    folder = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  }
  int failed = errno;
  close(context);
  errno = failed;
  return folder;
}

// A new one each time: what a container does to its own is nothing to another.
static JSValue js_open_null(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  static int folder = -1;
  static const char name[] = "null";
  int flags;
  if (arg_int(ctx, ARG(0), &flags)) return JS_EXCEPTION;
  if (folder < 0 && (folder = open_folder()) < 0) return throw_errno(ctx, errno, "fsmount", "tmpfs");
  mode_t before = umask(0);
  int failed = mknodat(folder, name, S_IFCHR | 0666, makedev(1, 3)) ? errno : 0;
  umask(before);
  if (failed) return throw_errno(ctx, failed, "mknodat", name);
  int fd = openat(folder, name, flags | O_CLOEXEC);
  failed = errno;
  unlinkat(folder, name, 0);
  return fd < 0 ? throw_errno(ctx, failed, "openat", name) : JS_NewInt32(ctx, fd);
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("openNull", 1, js_open_null)};
const struct topic null_topic = {entries, COUNT(entries)};
