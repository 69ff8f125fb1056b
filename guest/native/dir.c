// Directories and names.
#include "native.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static JSValue js_readdir(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  DIR *dir = opendir(path);
  JSValue list = dir ? JS_NewArray(ctx) : throw_errno(ctx, errno, "opendir", path);
  bool ok = !JS_IsException(list);
  uint32_t index = 0;
  while (ok) {
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (!entry) {
      if (errno) {
        throw_errno(ctx, errno, "readdir", path);
        ok = false;
      }
      break;
    }
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    mode_t mode = DTTOIF(entry->d_type);
    struct stat st;
    if (entry->d_type == DT_UNKNOWN && !fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW)) mode = st.st_mode;
    JSValue item = JS_NewObject(ctx);
    if (JS_IsException(item)) {
      ok = false;
      break;
    }
    ok = set_string(ctx, item, "name", entry->d_name) && set_string(ctx, item, "type", file_type_name(mode));
    if (!ok) JS_FreeValue(ctx, item);
    else ok = JS_DefinePropertyValueUint32(ctx, list, index++, item, JS_PROP_C_W_E) >= 0;
  }
  if (dir) closedir(dir);
  JS_FreeCString(ctx, path);
  if (ok) return list;
  JS_FreeValue(ctx, list);
  return JS_EXCEPTION;
}

// Calls that take one path, and a mode or nothing.
enum one_path { MKDIR, MKDIR_ALL, UNLINK, RMDIR, CHMOD, REMOVE_ALL, CHROOT, CHDIR };

static int make_all(char *path, mode_t mode) {
  for (char *p = path + 1; *p; p++) {
    if (*p != '/') continue;
    *p = 0;
    int failed = mkdir(path, mode) && errno != EEXIST;
    *p = '/';
    if (failed) return -1;
  }
  if (!mkdir(path, mode)) return 0;
  if (errno != EEXIST) return -1;
  struct stat st;
  if (stat(path, &st)) return -1;
  if (S_ISDIR(st.st_mode)) return 0;
  errno = ENOTDIR;
  return -1;
}

enum { MAX_TREE_DEPTH = 512 };

// Removes `name` below `parent`. The kernel keeps it from what is mounted below (EXDEV, of a file EBUSY), also where that is of
// the same file system.
static int remove_tree(int parent, const char *name, int depth) {
  struct stat st;
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT ? 0 : -1;
  if (!S_ISDIR(st.st_mode)) return unlinkat(parent, name, 0) && errno != ENOENT ? -1 : 0;
  if (depth >= MAX_TREE_DEPTH) return errno = ELOOP, -1;
  // The path to the first one may well cross mounts.
  struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = depth ? RESOLVE_NO_XDEV : 0};
  int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  DIR *dir = fdopendir(fd);
  if (!dir) return close(fd), -1;
  int failed = 0;
  struct dirent *entry;
  while (!failed && (errno = 0, entry = readdir(dir))) {
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) failed = remove_tree(fd, entry->d_name, depth + 1);
  }
  int err = errno;
  closedir(dir);
  if (failed || err) return errno = err, -1;
  return unlinkat(parent, name, AT_REMOVEDIR) && errno != ENOENT ? -1 : 0;
}

static int remove_all(const char *path) {
  struct stat st;
  if (lstat(path, &st)) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  return remove_tree(AT_FDCWD, path, 0);
}

static JSValue one_path(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  (void)self;
  static const char *const names[] = {"mkdir", "mkdir", "unlink", "rmdir", "chmod", "removeAll", "chroot", "chdir"};
  int mode = 0;
  bool has_mode = magic == MKDIR || magic == MKDIR_ALL || magic == CHMOD;
  if (has_mode && (magic == CHMOD ? arg_int(ctx, ARG(1), &mode) : arg_int_or(ctx, ARG(1), &mode, 0755))) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int failed = -1;
  switch ((enum one_path)magic) {
    case MKDIR: failed = mkdir(path, (mode_t)mode); break;
    case MKDIR_ALL: {
      char *copy = strdup(path);
      if (!copy || !*copy) errno = copy ? ENOENT : ENOMEM;
      else failed = make_all(copy, (mode_t)mode);
      int err = errno;
      free(copy);
      errno = err;
      break;
    }
    case UNLINK: failed = unlink(path); break;
    case RMDIR: failed = rmdir(path); break;
    case CHMOD: failed = chmod(path, (mode_t)mode); break;
    case REMOVE_ALL: failed = remove_all(path); break;
    case CHROOT: failed = chroot(path); break;
    case CHDIR: failed = chdir(path); break;
  }
  JSValue result = failed ? throw_errno(ctx, errno, names[magic], path) : JS_UNDEFINED;
  JS_FreeCString(ctx, path);
  return result;
}

enum two_paths { RENAME, LINK, SYMLINK };

static JSValue two_paths(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int magic) {
  (void)self;
  static const char *const names[] = {"rename", "link", "symlink"};
  const char *from = arg_string(ctx, ARG(0));
  if (!from) return JS_EXCEPTION;
  const char *to = arg_string(ctx, ARG(1));
  if (!to) {
    JS_FreeCString(ctx, from);
    return JS_EXCEPTION;
  }
  int failed = magic == RENAME ? rename(from, to) : magic == LINK ? link(from, to) : symlink(from, to);
  JSValue result = failed ? throw_errno(ctx, errno, names[magic], magic == SYMLINK ? to : from) : JS_UNDEFINED;
  JS_FreeCString(ctx, from);
  JS_FreeCString(ctx, to);
  return result;
}

static JSValue js_chown(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int follow) {
  (void)self;
  int uid, gid;
  if (arg_int(ctx, ARG(1), &uid) || arg_int(ctx, ARG(2), &gid)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int failed = fchownat(AT_FDCWD, path, (uid_t)uid, (gid_t)gid, follow ? 0 : AT_SYMLINK_NOFOLLOW);
  JSValue result = failed ? throw_errno(ctx, errno, follow ? "chown" : "lchown", path) : JS_UNDEFINED;
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_readlink(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv, int real) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  char target[PATH_MAX + 1];
  ssize_t n;
  if (real) n = realpath(path, target) ? (ssize_t)strlen(target) : -1;
  else n = readlink(path, target, PATH_MAX);
  JSValue result = n < 0 ? throw_errno(ctx, errno, real ? "realpath" : "readlink", path) : JS_NewStringLen(ctx, target, (size_t)n);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_mknod(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int mode, major, minor;
  if (arg_int(ctx, ARG(1), &mode) || arg_int_or(ctx, ARG(2), &major, 0) || arg_int_or(ctx, ARG(3), &minor, 0)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int failed = mknod(path, (mode_t)mode, makedev((unsigned)major, (unsigned)minor));
  JSValue result = failed ? throw_errno(ctx, errno, "mknod", path) : JS_UNDEFINED;
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_getcwd(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self, (void)argc, (void)argv;
  char path[PATH_MAX];
  return getcwd(path, sizeof path) ? JS_NewString(ctx, path) : throw_errno(ctx, errno, "getcwd", NULL);
}

static JSValue js_umask(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int mask;
  if (arg_int(ctx, ARG(0), &mask)) return JS_EXCEPTION;
  return JS_NewInt32(ctx, (int)umask((mode_t)mask));
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("readdir", 1, js_readdir),
    JS_CFUNC_MAGIC_DEF("mkdir", 2, one_path, MKDIR),
    JS_CFUNC_MAGIC_DEF("mkdirAll", 2, one_path, MKDIR_ALL),
    JS_CFUNC_MAGIC_DEF("unlink", 1, one_path, UNLINK),
    JS_CFUNC_MAGIC_DEF("rmdir", 1, one_path, RMDIR),
    JS_CFUNC_MAGIC_DEF("chmod", 2, one_path, CHMOD),
    JS_CFUNC_MAGIC_DEF("removeAll", 1, one_path, REMOVE_ALL),
    JS_CFUNC_MAGIC_DEF("chroot", 1, one_path, CHROOT),
    JS_CFUNC_MAGIC_DEF("chdir", 1, one_path, CHDIR),
    JS_CFUNC_MAGIC_DEF("rename", 2, two_paths, RENAME),
    JS_CFUNC_MAGIC_DEF("link", 2, two_paths, LINK),
    JS_CFUNC_MAGIC_DEF("symlink", 2, two_paths, SYMLINK),
    JS_CFUNC_MAGIC_DEF("chown", 3, js_chown, 1),
    JS_CFUNC_MAGIC_DEF("lchown", 3, js_chown, 0),
    JS_CFUNC_MAGIC_DEF("readlink", 1, js_readlink, 0),
    JS_CFUNC_MAGIC_DEF("realpath", 1, js_readlink, 1),
    JS_CFUNC_DEF("mknod", 4, js_mknod),
    JS_CFUNC_DEF("getcwd", 0, js_getcwd),
    JS_CFUNC_DEF("umask", 1, js_umask),
};
const struct topic dir_topic = {entries, COUNT(entries)};
