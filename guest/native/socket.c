// Sockets: unix, vsock, netlink; passing descriptors.
#include "native.h"
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_FDS = 16, BACKLOG = 128, DEFAULT_MESSAGE = 65536, MAX_MESSAGE = 16 << 20 };

static int new_socket(int domain, int type, int protocol) {
  return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}

bool is_vsock(int fd) {
  int domain = 0;
  socklen_t length = sizeof domain;
  return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) && domain == AF_VSOCK;
}

static JSValue js_socket(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int domain, type, protocol;
  if (arg_int(ctx, ARG(0), &domain) || arg_int(ctx, ARG(1), &type) || arg_int_or(ctx, ARG(2), &protocol, 0)) return JS_EXCEPTION;
  int fd = new_socket(domain, type, protocol);
  return fd < 0 ? throw_errno(ctx, errno, "socket", NULL) : JS_NewInt32(ctx, fd);
}

// A leading "@" stands for the abstract namespace.
static int unix_address(const char *path, struct sockaddr_un *address, socklen_t *length) {
  size_t size = strlen(path);
  if (size >= sizeof address->sun_path) return ENAMETOOLONG;
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path, path, size);
  if (path[0] == '@') address->sun_path[0] = 0;
  *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (path[0] == '@' ? 0 : 1));
  return 0;
}

// 0, or an errno with `fd` closed.
static int failed_with(int fd, int failed) {
  if (failed && fd >= 0) close(fd);
  return failed;
}

static int connect_unix(const char *path, int *fd) {
  struct sockaddr_un address;
  socklen_t length;
  int failed = unix_address(path, &address, &length);
  if (failed) return failed;
  *fd = new_socket(AF_UNIX, SOCK_STREAM, 0);
  if (*fd < 0) return errno;
  return failed_with(*fd, connect(*fd, (struct sockaddr *)&address, length) ? errno : 0);
}

int listen_unix(const char *path, mode_t mode, int backlog, int *fd) {
  struct sockaddr_un address;
  socklen_t length;
  int probe, failed = unix_address(path, &address, &length);
  if (failed) return failed;
  if (path[0] != '@') {
    failed = connect_unix(path, &probe);
    if (!failed) return failed_with(probe, EADDRINUSE);
    // A file that is no socket refuses connections too; it is not ours to remove.
    struct stat st;
    bool stale = failed == ECONNREFUSED && !lstat(path, &st) && S_ISSOCK(st.st_mode);
    if (stale && unlink(path) && errno != ENOENT) return errno;
  }
  *fd = new_socket(AF_UNIX, SOCK_STREAM, 0);
  if (*fd < 0) return errno;
  // The mode is there from the start: nobody gets in between bind and chmod.
  mode_t before = umask(~mode & 0777);
  failed = bind(*fd, (struct sockaddr *)&address, length) ? errno : 0;
  umask(before);
  if (!failed && listen(*fd, backlog)) failed = errno;
  return failed_with(*fd, failed);
}

static JSValue js_listen_unix(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int mode, backlog, fd = -1;
  if (arg_int_or(ctx, ARG(1), &mode, 0600) || arg_int_or(ctx, ARG(2), &backlog, BACKLOG)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int failed = listen_unix(path, (mode_t)mode, backlog, &fd);
  JSValue result = failed ? throw_errno(ctx, failed, "listen", path) : JS_NewInt32(ctx, fd);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_connect_unix(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd = -1;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  int failed = connect_unix(path, &fd);
  JSValue result = failed ? throw_errno(ctx, failed, "connect", path) : JS_NewInt32(ctx, fd);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_adopt_listener(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, listening = 0;
  socklen_t length = sizeof listening;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length)) return throw_errno(ctx, errno, "adoptListener", NULL);
  if (!listening) return throw_errno(ctx, EINVAL, "adoptListener", "not a listening socket");
  if (set_nonblock(fd, true)) return throw_errno(ctx, errno, "fcntl", NULL);
  return JS_UNDEFINED;
}

static JSValue js_listen_vsock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int port, backlog;
  if (arg_int(ctx, ARG(0), &port) || arg_int_or(ctx, ARG(1), &backlog, BACKLOG)) return JS_EXCEPTION;
  int fd = new_socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0) return throw_errno(ctx, errno, "socket", "vsock");
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = (unsigned)port, .svm_cid = VMADDR_CID_ANY};
  int failed = bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, backlog) ? errno : 0;
  return failed_with(fd, failed) ? throw_errno(ctx, failed, "listen", "vsock") : JS_NewInt32(ctx, fd);
}

static JSValue js_connect_vsock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int cid, port, timeout_ms;
  if (arg_int(ctx, ARG(0), &cid) || arg_int(ctx, ARG(1), &port) || arg_int_or(ctx, ARG(2), &timeout_ms, 0)) return JS_EXCEPTION;
  int fd = new_socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0) return throw_errno(ctx, errno, "socket", "vsock");
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = (unsigned)port, .svm_cid = (unsigned)cid};
  int failed = 0;
  if (timeout_ms > 0) {
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof timeout)) failed = errno;
  }
  if (!failed && connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) failed = errno;
  return failed_with(fd, failed) ? throw_errno(ctx, failed, "connect", "vsock") : JS_NewInt32(ctx, fd);
}

static JSValue js_local_vsock_port(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct sockaddr_vm address;
  socklen_t length = sizeof address;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockname(fd, (struct sockaddr *)&address, &length)) return throw_errno(ctx, errno, "getsockname", NULL);
  return JS_NewInt64(ctx, address.svm_port);
}

static JSValue js_accept(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int listener, fd;
  union {
    struct sockaddr any;
    struct sockaddr_vm vm;
    struct sockaddr_storage room;
  } address;
  socklen_t length = sizeof address;
  if (arg_int(ctx, ARG(0), &listener)) return JS_EXCEPTION;
  do fd = accept4(listener, &address.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0) return errno == EAGAIN ? JS_NULL : throw_errno(ctx, errno, "accept", NULL);
  bool vsock = length >= sizeof address.vm && address.any.sa_family == AF_VSOCK;
  JSValue object = JS_NewObject(ctx);
  bool ok = !JS_IsException(object) && set_number(ctx, object, "fd", fd) &&
            set_number(ctx, object, "cid", vsock ? address.vm.svm_cid : 0) &&
            set_number(ctx, object, "port", vsock ? address.vm.svm_port : 0);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  close(fd);
  return JS_EXCEPTION;
}

static JSValue js_socket_error(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, pending = 0;
  socklen_t length = sizeof pending;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &length)) return throw_errno(ctx, errno, "getsockopt", NULL);
  return JS_NewInt32(ctx, pending);
}

static JSValue js_peer_credentials(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) return throw_errno(ctx, errno, "getsockopt", NULL);
  JSValue object = JS_NewObject(ctx);
  bool ok = !JS_IsException(object) && set_number(ctx, object, "pid", peer.pid) && set_number(ctx, object, "uid", peer.uid) &&
            set_number(ctx, object, "gid", peer.gid);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  return JS_EXCEPTION;
}

static JSValue js_shutdown(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, how;
  if (arg_int(ctx, ARG(0), &fd) || arg_int(ctx, ARG(1), &how)) return JS_EXCEPTION;
  return shutdown(fd, how) && errno != ENOTCONN ? throw_errno(ctx, errno, "shutdown", NULL) : JS_UNDEFINED;
}

static JSValue js_bind_netlink(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, groups;
  if (arg_int(ctx, ARG(0), &fd) || arg_int_or(ctx, ARG(1), &groups, 0)) return JS_EXCEPTION;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = (unsigned)groups};
  return bind(fd, (struct sockaddr *)&address, sizeof address) ? throw_errno(ctx, errno, "bind", "netlink") : JS_UNDEFINED;
}

static JSValue js_send(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_bytes(ctx, ARG(1), &data, &length)) return JS_EXCEPTION;
  for (;;) {
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    if (n >= 0) return JS_NewInt64(ctx, n);
    if (errno == EAGAIN) return JS_NewInt32(ctx, -1);
    if (errno != EINTR) return throw_errno(ctx, errno, "send", NULL);
  }
}

static int message_room(JSContext *ctx, JSValueConst value, int64_t *room) {
  if (arg_i64_or(ctx, value, room, DEFAULT_MESSAGE)) return -1;
  return *room >= 0 && *room <= MAX_MESSAGE ? 0 : bad_argument(ctx, "maxBytes is out of range");
}

static JSValue js_recv(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  int64_t room;
  bool peek;
  if (arg_int(ctx, ARG(0), &fd) || message_room(ctx, ARG(1), &room) || arg_bool_or(ctx, ARG(2), &peek, false)) {
    return JS_EXCEPTION;
  }
  // Into common room, so that what is kept of it is no larger than what has come: some of it is kept for long.
  static uint8_t common[(64 << 10) + 1];
  uint8_t *data = (size_t)room < sizeof common ? common : js_malloc(ctx, (size_t)room + 1);
  if (!data) return JS_EXCEPTION;
  ssize_t n;
  // MSG_TRUNC gives the true length of a datagram. On a stream it would throw bytes away, but there nothing is cut off.
  int type = 0;
  socklen_t length = sizeof type;
  getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length);
  do n = recv(fd, data, (size_t)room, (type == SOCK_STREAM ? 0 : MSG_TRUNC) | (peek ? MSG_PEEK : 0));
  while (n < 0 && errno == EINTR);
  if (n >= 0 && n <= room) {
    uint8_t *kept = data == common ? js_malloc(ctx, (size_t)n + 1) : data;
    if (!kept) return JS_EXCEPTION;
    if (kept != data) memcpy(kept, data, (size_t)n);
    return new_bytes_owned(ctx, kept, (size_t)n);
  }
  if (data != common) js_free(ctx, data);
  if (n >= 0) return throw_errno(ctx, EMSGSIZE, "recv", NULL);
  return errno == EAGAIN ? JS_NULL : throw_errno(ctx, errno, "recv", NULL);
}

union control {
  char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
  struct cmsghdr align;
};

static JSValue js_send_fds(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, fds[MAX_FDS];
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  int count = arg_fds(ctx, ARG(2), fds, MAX_FDS);
  if (count < 0 || arg_bytes(ctx, ARG(1), &data, &length)) return JS_EXCEPTION;
  union control control = {.room = {0}};
  struct iovec part = {.iov_base = data, .iov_len = length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(head), fds, (size_t)count * sizeof(int));
  }
  for (;;) {
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n >= 0) return JS_NewInt64(ctx, n);
    if (errno == EAGAIN) return JS_NewInt32(ctx, -1);
    if (errno != EINTR) return throw_errno(ctx, errno, "sendmsg", NULL);
  }
}

static JSValue received(JSContext *ctx, uint8_t *data, size_t length, const int *fds, int count) {
  JSValue object = JS_NewObject(ctx);
  JSValue list = JS_NewArray(ctx);
  bool ok = !JS_IsException(object) && !JS_IsException(list);
  for (int i = 0; i < count && ok; i++) {
    ok = JS_DefinePropertyValueUint32(ctx, list, (uint32_t)i, JS_NewInt32(ctx, fds[i]), JS_PROP_C_W_E) >= 0;
  }
  JSValue bytes = new_bytes_owned(ctx, data, length);
  if (ok) ok = set_value(ctx, object, "data", bytes);
  else JS_FreeValue(ctx, bytes);
  if (ok) ok = set_value(ctx, object, "fds", list);
  else JS_FreeValue(ctx, list);
  if (ok) return object;
  JS_FreeValue(ctx, object);
  for (int i = 0; i < count; i++) close(fds[i]);
  return JS_EXCEPTION;
}

static JSValue js_recv_fds(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, fds[MAX_FDS], count = 0;
  int64_t room;
  if (arg_int(ctx, ARG(0), &fd) || message_room(ctx, ARG(1), &room)) return JS_EXCEPTION;
  uint8_t *data = js_malloc(ctx, (size_t)room + 1);
  if (!data) return JS_EXCEPTION;
  union control control;
  struct iovec part = {.iov_base = data, .iov_len = (size_t)room};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
  ssize_t n;
  do n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    js_free(ctx, data);
    return errno == EAGAIN ? JS_NULL : throw_errno(ctx, errno, "recvmsg", NULL);
  }
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t bytes = head->cmsg_len - CMSG_LEN(0);
    for (size_t at = 0; at + sizeof(int) <= bytes && count < MAX_FDS; at += sizeof(int)) {
      memcpy(&fds[count++], CMSG_DATA(head) + at, sizeof(int));
    }
  }
  return received(ctx, data, (size_t)n, fds, count);
}

#define CONSTANT(prefix, name) JS_PROP_INT32_DEF(#name, prefix##name, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry families[] = {
    CONSTANT(AF_, UNIX), CONSTANT(AF_, INET), CONSTANT(AF_, INET6), CONSTANT(AF_, NETLINK), CONSTANT(AF_, VSOCK),
};
static const JSCFunctionListEntry types[] = {
    CONSTANT(SOCK_, STREAM), CONSTANT(SOCK_, DGRAM), CONSTANT(SOCK_, RAW), CONSTANT(SOCK_, SEQPACKET),
};
static const JSCFunctionListEntry ways[] = {CONSTANT(SHUT_, RD), CONSTANT(SHUT_, WR), CONSTANT(SHUT_, RDWR)};
static const JSCFunctionListEntry entries[] = {
    JS_OBJECT_DEF("AF", families, COUNT(families), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("SOCK", types, COUNT(types), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("SHUT", ways, COUNT(ways), JS_PROP_ENUMERABLE),
    JS_CFUNC_DEF("socket", 3, js_socket),
    JS_CFUNC_DEF("listenUnix", 3, js_listen_unix),
    JS_CFUNC_DEF("connectUnix", 1, js_connect_unix),
    JS_CFUNC_DEF("adoptListener", 1, js_adopt_listener),
    JS_CFUNC_DEF("listenVsock", 2, js_listen_vsock),
    JS_CFUNC_DEF("connectVsock", 3, js_connect_vsock),
    JS_CFUNC_DEF("localVsockPort", 1, js_local_vsock_port),
    JS_CFUNC_DEF("accept", 1, js_accept),
    JS_CFUNC_DEF("socketError", 1, js_socket_error),
    JS_CFUNC_DEF("peerCredentials", 1, js_peer_credentials),
    JS_CFUNC_DEF("shutdown", 2, js_shutdown),
    JS_CFUNC_DEF("bindNetlink", 2, js_bind_netlink),
    JS_CFUNC_DEF("send", 2, js_send),
    JS_CFUNC_DEF("recv", 3, js_recv),
    JS_CFUNC_DEF("sendFds", 3, js_send_fds),
    JS_CFUNC_DEF("recvFds", 2, js_recv_fds),
};
const struct topic socket_topic = {entries, COUNT(entries)};
