// Files by descriptor and by path.
#include "native.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { DEFAULT_READ_MAX = 1 << 20 };

int set_nonblock(int fd, bool on) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  return wanted == flags ? 0 : fcntl(fd, F_SETFL, wanted);
}

const char *file_type_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "dir";
    case S_IFLNK: return "symlink";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFBLK: return "block";
    case S_IFCHR: return "char";
    default: return "unknown";
  }
}

static JSValue js_open(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int flags, mode;
  if (arg_int(ctx, ARG(1), &flags) || arg_int_or(ctx, ARG(2), &mode, 0644)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int fd = open(path, flags | O_CLOEXEC, (mode_t)mode);
  JSValue result = fd < 0 ? throw_errno(ctx, errno, "open", path) : JS_NewInt32(ctx, fd);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_close(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  loop_forget(ctx, fd);
  // EINTR has closed it too (Linux).
  if (close(fd) && errno != EINTR) return throw_errno(ctx, errno, "close", NULL);
  return JS_UNDEFINED;
}

// The part [offset, offset + length) of a buffer argument.
static int arg_slice(JSContext *ctx, int argc, JSValueConst *argv, uint8_t **data, size_t *length) {
  size_t total;
  int64_t offset, wanted;
  if (arg_bytes(ctx, ARG(1), data, &total) || arg_i64_or(ctx, ARG(2), &offset, 0)) return -1;
  if (offset < 0 || (uint64_t)offset > total) return bad_argument(ctx, "the offset is outside of the buffer");
  if (arg_i64_or(ctx, ARG(3), &wanted, (int64_t)(total - (size_t)offset))) return -1;
  if (wanted < 0 || (uint64_t)wanted > total - (size_t)offset) return bad_argument(ctx, "the length is beyond the buffer");
  *data += offset;
  *length = (size_t)wanted;
  return 0;
}

static JSValue js_read(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_slice(ctx, argc, argv, &data, &length)) return JS_EXCEPTION;
  ssize_t n;
  do n = read(fd, data, length);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return JS_NewInt32(ctx, -1);
  return n < 0 ? throw_errno(ctx, errno, "read", NULL) : JS_NewInt64(ctx, n);
}

static JSValue js_write(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_slice(ctx, argc, argv, &data, &length)) return JS_EXCEPTION;
  if (length > MAX_VSOCK_SEND && is_vsock(fd)) length = MAX_VSOCK_SEND;
  ssize_t n;
  do n = write(fd, data, length);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return JS_NewInt32(ctx, -1);
  return n < 0 ? throw_errno(ctx, errno, "write", NULL) : JS_NewInt64(ctx, n);
}

// Reads a file to its end; returns js_malloc memory, or NULL with an exception.
static uint8_t *slurp(JSContext *ctx, const char *path, size_t max, size_t *length) {
  // Whatever is in a file's place, a FIFO for one, must not make the only thread wait.
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) {
    throw_errno(ctx, errno, "open", path);
    return NULL;
  }
  struct stat st;
  size_t capacity = 4096, got = 0;
  if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
    // One more byte, so that the end is seen without growing.
    capacity = (uint64_t)st.st_size > max ? max + 1 : (size_t)st.st_size + 1;
  }
  int err = 0;
  uint8_t *data = js_malloc(ctx, capacity);
  while (data) {
    ssize_t n = read(fd, data + got, capacity - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) err = errno;
    if (n <= 0) break;
    got += (size_t)n;
    if (got > max) {
      err = EFBIG;
      break;
    }
    if (got < capacity) continue;
    size_t larger = capacity * 2 > max + 1 ? max + 1 : capacity * 2;
    uint8_t *grown = js_realloc(ctx, data, larger);
    if (!grown) js_free(ctx, data);
    data = grown;
    capacity = larger;
  }
  close(fd);
  if (data && err) {
    js_free(ctx, data);
    throw_errno(ctx, err, "read", path);
    return NULL;
  }
  *length = got;
  return data;
}

static JSValue read_whole(JSContext *ctx, int argc, JSValueConst *argv, bool text) {
  int64_t max;
  if (arg_i64_or(ctx, ARG(1), &max, DEFAULT_READ_MAX)) return JS_EXCEPTION;
  if (max < 0 || max > INT32_MAX) return bad_argument(ctx, "maxBytes is out of range"), JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  size_t length = 0;
  uint8_t *data = slurp(ctx, path, (size_t)max, &length);
  JS_FreeCString(ctx, path);
  if (!data) return JS_EXCEPTION;
  if (!text) return new_bytes_owned(ctx, data, length);
  JSValue result = JS_NewStringLen(ctx, (const char *)data, length);
  js_free(ctx, data);
  return result;
}

static JSValue js_read_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  return read_whole(ctx, argc, argv, false);
}

static JSValue js_read_text_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  return read_whole(ctx, argc, argv, true);
}

static int write_all(int fd, const uint8_t *data, size_t length) {
  // Control files in /proc and cgroups want everything in one call, even nothing at all.
  do {
    ssize_t n = write(fd, data, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    data += n;
    length -= (size_t)n;
  } while (length);
  return 0;
}

static JSValue js_reserve(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  int64_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_i64_or(ctx, ARG(1), &length, 0)) return JS_EXCEPTION;
  int failed;
  do failed = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, length);
  while (failed && errno == EINTR);
  return failed ? throw_errno(ctx, errno, "fallocate", NULL) : JS_UNDEFINED;
}

static JSValue js_truncate(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  int64_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_i64_or(ctx, ARG(1), &length, 0)) return JS_EXCEPTION;
  int failed;
  do failed = ftruncate(fd, length);
  while (failed && errno == EINTR);
  return failed ? throw_errno(ctx, errno, "ftruncate", NULL) : JS_UNDEFINED;
}

static JSValue js_write_file(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int mode, flags;
  if (arg_int_or(ctx, ARG(2), &mode, 0644) || arg_int_or(ctx, ARG(3), &flags, O_WRONLY | O_CREAT | O_TRUNC)) return JS_EXCEPTION;
  const char *text = NULL;
  uint8_t *data;
  size_t length;
  if (JS_IsString(ARG(1))) {
    if (!(text = JS_ToCStringLen(ctx, &length, argv[1]))) return JS_EXCEPTION;
    data = (uint8_t *)text;
  } else if (arg_bytes(ctx, ARG(1), &data, &length)) {
    return JS_EXCEPTION;
  }
  JSValue result = JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (path) {
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, (mode_t)mode);
    int err = fd < 0 ? errno : write_all(fd, data, length);
    if (fd >= 0 && close(fd) && !err && errno != EINTR) err = errno;
    result = err ? throw_errno(ctx, err, fd < 0 ? "open" : "write", path) : JS_UNDEFINED;
    JS_FreeCString(ctx, path);
  }
  if (text) JS_FreeCString(ctx, text);
  return result;
}

static JSValue js_fsync(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  return fsync(fd) ? throw_errno(ctx, errno, "fsync", NULL) : JS_UNDEFINED;
}

static JSValue js_flock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  bool exclusive;
  if (arg_int(ctx, ARG(0), &fd) || arg_bool_or(ctx, ARG(1), &exclusive, true)) return JS_EXCEPTION;
  if (!flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB)) return JS_TRUE;
  return errno == EWOULDBLOCK ? JS_FALSE : throw_errno(ctx, errno, "flock", NULL);
}

static JSValue js_dup(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return copy < 0 ? throw_errno(ctx, errno, "dup", NULL) : JS_NewInt32(ctx, copy);
}

static JSValue js_set_nonblock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  bool on;
  if (arg_int(ctx, ARG(0), &fd) || arg_bool_or(ctx, ARG(1), &on, true)) return JS_EXCEPTION;
  return set_nonblock(fd, on) ? throw_errno(ctx, errno, "fcntl", NULL) : JS_UNDEFINED;
}

static JSValue js_set_cloexec(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  bool on;
  if (arg_int(ctx, ARG(0), &fd) || arg_bool_or(ctx, ARG(1), &on, true)) return JS_EXCEPTION;
  return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) ? throw_errno(ctx, errno, "fcntl", NULL) : JS_UNDEFINED;
}

static JSValue stat_object(JSContext *ctx, const struct stat *st) {
  JSValue object = JS_NewObject(ctx);
  if (JS_IsException(object)) return object;
  double mtime = (double)st->st_mtim.tv_sec * 1e3 + (double)st->st_mtim.tv_nsec / 1e6;
  bool ok = set_string(ctx, object, "type", file_type_name(st->st_mode)) && set_number(ctx, object, "dev", (double)st->st_dev) &&
            set_number(ctx, object, "ino", (double)st->st_ino) && set_number(ctx, object, "mode", st->st_mode) &&
            set_number(ctx, object, "nlink", (double)st->st_nlink) && set_number(ctx, object, "uid", st->st_uid) &&
            set_number(ctx, object, "gid", st->st_gid) && set_number(ctx, object, "rdev", (double)st->st_rdev) &&
            set_number(ctx, object, "size", (double)st->st_size) && set_number(ctx, object, "mtimeMs", mtime);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue stat_path(JSContext *ctx, int argc, JSValueConst *argv, int flags, const char *name) {
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  struct stat st;
  JSValue result = fstatat(AT_FDCWD, path, &st, flags) ? throw_errno(ctx, errno, name, path) : stat_object(ctx, &st);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_stat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  return stat_path(ctx, argc, argv, 0, "stat");
}

static JSValue js_lstat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  return stat_path(ctx, argc, argv, AT_SYMLINK_NOFOLLOW, "lstat");
}

static JSValue js_fstat(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct stat st;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  return fstat(fd, &st) ? throw_errno(ctx, errno, "fstat", NULL) : stat_object(ctx, &st);
}

static JSValue js_exists(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  struct stat st;
  bool there = !lstat(path, &st);
  JS_FreeCString(ctx, path);
  return JS_NewBool(ctx, there);
}

static JSValue js_statfs(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  struct statfs st;
  int err = statfs(path, &st) ? errno : 0;
  JSValue object = err ? throw_errno(ctx, err, "statfs", path) : JS_NewObject(ctx);
  JS_FreeCString(ctx, path);
  if (JS_IsException(object)) return object;
  bool ok = set_number(ctx, object, "type", (double)(uint32_t)st.f_type) && set_number(ctx, object, "blockSize", (double)st.f_bsize) &&
            set_number(ctx, object, "blocks", (double)st.f_blocks) && set_number(ctx, object, "blocksFree", (double)st.f_bfree) &&
            set_number(ctx, object, "blocksAvailable", (double)st.f_bavail) && set_number(ctx, object, "files", (double)st.f_files) &&
            set_number(ctx, object, "filesFree", (double)st.f_ffree);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

#define CONSTANT(name, value) JS_PROP_INT32_DEF(name, value, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry open_flags[] = {
    CONSTANT("RDONLY", O_RDONLY),     CONSTANT("WRONLY", O_WRONLY),       CONSTANT("RDWR", O_RDWR),     CONSTANT("CREAT", O_CREAT),
    CONSTANT("EXCL", O_EXCL),         CONSTANT("NOCTTY", O_NOCTTY),       CONSTANT("TRUNC", O_TRUNC),   CONSTANT("APPEND", O_APPEND),
    CONSTANT("NONBLOCK", O_NONBLOCK), CONSTANT("DIRECTORY", O_DIRECTORY), CONSTANT("PATH", O_PATH),     CONSTANT("NOFOLLOW", O_NOFOLLOW),
    CONSTANT("CLOEXEC", O_CLOEXEC),
};
static const JSCFunctionListEntry file_modes[] = {
    CONSTANT("IFMT", S_IFMT),   CONSTANT("IFREG", S_IFREG), CONSTANT("IFDIR", S_IFDIR), CONSTANT("IFCHR", S_IFCHR),
    CONSTANT("IFBLK", S_IFBLK), CONSTANT("IFIFO", S_IFIFO), CONSTANT("IFLNK", S_IFLNK), CONSTANT("IFSOCK", S_IFSOCK),
};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("open", 3, js_open),
    JS_CFUNC_DEF("close", 1, js_close),
    JS_CFUNC_DEF("read", 4, js_read),
    JS_CFUNC_DEF("write", 4, js_write),
    JS_CFUNC_DEF("readFile", 2, js_read_file),
    JS_CFUNC_DEF("readTextFile", 2, js_read_text_file),
    JS_CFUNC_DEF("writeFile", 4, js_write_file),
    JS_CFUNC_DEF("reserve", 2, js_reserve),
    JS_CFUNC_DEF("truncate", 2, js_truncate),
    JS_CFUNC_DEF("fsync", 1, js_fsync),
    JS_CFUNC_DEF("flock", 2, js_flock),
    JS_CFUNC_DEF("dup", 1, js_dup),
    JS_CFUNC_DEF("setNonblock", 2, js_set_nonblock),
    JS_CFUNC_DEF("setCloexec", 2, js_set_cloexec),
    JS_CFUNC_DEF("stat", 1, js_stat),
    JS_CFUNC_DEF("lstat", 1, js_lstat),
    JS_CFUNC_DEF("fstat", 1, js_fstat),
    JS_CFUNC_DEF("exists", 1, js_exists),
    JS_CFUNC_DEF("statfs", 1, js_statfs),
    JS_OBJECT_DEF("O", open_flags, COUNT(open_flags), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("S", file_modes, COUNT(file_modes), JS_PROP_ENUMERABLE),
};
const struct topic file_topic = {entries, COUNT(entries)};
