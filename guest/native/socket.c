// Sockets: unix, vsock, netlink. All are non-blocking and close-on-exec.
#include "native.h"
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, MAX_FDS = 16, DEFAULT_MESSAGE = 65536, MAX_MESSAGE = 16 << 20 };

// Closes `fd` and throws what errno says.
static JSValue give_up(JSContext *ctx, int fd, const char *call, const char *subject) {
  int err = errno;
  if (fd >= 0) close(fd);
  return throw_errno(ctx, err, call, subject);
}

static int new_socket(int domain, int type, int protocol) { return socket(domain, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol); }

static JSValue js_socket(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int domain, type, protocol;
  if (arg_int(ctx, ARG(0), &domain) || arg_int(ctx, ARG(1), &type) || arg_int_or(ctx, ARG(2), &protocol, 0)) return JS_EXCEPTION;
  int fd = new_socket(domain, type, protocol);
  return fd < 0 ? throw_errno(ctx, errno, "socket", NULL) : JS_NewInt32(ctx, fd);
}

static int unix_address(const char *path, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof address->sun_path) return errno = ENAMETOOLONG, -1;
  strcpy(address->sun_path, path);
  return 0;
}

// Removes a socket file on which nobody listens.
static int clear_stale(const char *path, const struct sockaddr_un *address) {
  struct stat st;
  if (lstat(path, &st)) return errno == ENOENT ? 0 : -1;
  if (!S_ISSOCK(st.st_mode)) return errno = EEXIST, -1;
  int probe = new_socket(AF_UNIX, SOCK_STREAM, 0);
  if (probe < 0) return -1;
  int refused = connect(probe, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
  close(probe);
  if (!refused) return errno = EADDRINUSE, -1;
  return unlink(path);
}

static JSValue js_listen_unix(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int mode, backlog;
  if (arg_int_or(ctx, ARG(1), &mode, 0600) || arg_int_or(ctx, ARG(2), &backlog, BACKLOG)) return JS_EXCEPTION;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  struct sockaddr_un address;
  int fd = -1;
  bool ok = !unix_address(path, &address) && !clear_stale(path, &address) && (fd = new_socket(AF_UNIX, SOCK_STREAM, 0)) >= 0;
  if (ok) {
    // Nobody else may connect between bind and chmod.
    mode_t old = umask(0177);
    ok = !bind(fd, (struct sockaddr *)&address, sizeof address);
    umask(old);
  }
  ok = ok && !chmod(path, (mode_t)mode) && !listen(fd, backlog);
  JSValue result = ok ? JS_NewInt32(ctx, fd) : give_up(ctx, fd, "listenUnix", path);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_connect_unix(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  struct sockaddr_un address;
  int fd = -1;
  bool ok = !unix_address(path, &address) && (fd = new_socket(AF_UNIX, SOCK_STREAM, 0)) >= 0 &&
            !connect(fd, (struct sockaddr *)&address, sizeof address);
  JSValue result = ok ? JS_NewInt32(ctx, fd) : give_up(ctx, fd, "connectUnix", path);
  JS_FreeCString(ctx, path);
  return result;
}

static JSValue js_adopt_listener(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, listening = 0;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  socklen_t length = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length)) return throw_errno(ctx, errno, "getsockopt", NULL);
  if (!listening) return throw_errno(ctx, EINVAL, "adoptListener", NULL);
  if (set_nonblock(fd, true) || fcntl(fd, F_SETFD, FD_CLOEXEC)) return throw_errno(ctx, errno, "fcntl", NULL);
  return JS_UNDEFINED;
}

static struct sockaddr_vm vsock_address(int cid, int port) {
  struct sockaddr_vm address;
  memset(&address, 0, sizeof address);
  address.svm_family = AF_VSOCK;
  address.svm_cid = (unsigned)cid;
  address.svm_port = (unsigned)port;
  return address;
}

static JSValue js_listen_vsock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int port, backlog;
  if (arg_int(ctx, ARG(0), &port) || arg_int_or(ctx, ARG(1), &backlog, BACKLOG)) return JS_EXCEPTION;
  struct sockaddr_vm address = vsock_address((int)VMADDR_CID_ANY, port);
  int fd = new_socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, backlog)) return give_up(ctx, fd, "listenVsock", NULL);
  return JS_NewInt32(ctx, fd);
}

static JSValue js_connect_vsock(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int cid, port;
  if (arg_int(ctx, ARG(0), &cid) || arg_int(ctx, ARG(1), &port)) return JS_EXCEPTION;
  struct sockaddr_vm address = vsock_address(cid, port);
  int fd = new_socket(AF_VSOCK, SOCK_STREAM, 0);
  if (fd < 0) return throw_errno(ctx, errno, "socket", NULL);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) return give_up(ctx, fd, "connectVsock", NULL);
  return JS_NewInt32(ctx, fd);
}

static JSValue js_local_vsock_port(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct sockaddr_vm address;
  socklen_t length = sizeof address;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockname(fd, (struct sockaddr *)&address, &length)) return throw_errno(ctx, errno, "getsockname", NULL);
  if (address.svm_family != AF_VSOCK) return throw_errno(ctx, EAFNOSUPPORT, "getsockname", NULL);
  return JS_NewUint32(ctx, address.svm_port);
}

static JSValue js_accept(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int listener;
  if (arg_int(ctx, ARG(0), &listener)) return JS_EXCEPTION;
  struct sockaddr_storage peer;
  int fd;
  socklen_t length;
  do {
    memset(&peer, 0, sizeof peer);
    length = sizeof peer;
    fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0 && errno == EAGAIN) return JS_NULL;
  if (fd < 0) return throw_errno(ctx, errno, "accept4", NULL);
  struct sockaddr_vm vsock = {0};
  if (peer.ss_family == AF_VSOCK) memcpy(&vsock, &peer, sizeof vsock);
  JSValue object = JS_NewObject(ctx);
  if (!JS_IsException(object) && set_number(ctx, object, "fd", fd) && set_number(ctx, object, "cid", vsock.svm_cid) &&
      set_number(ctx, object, "port", vsock.svm_port)) {
    return object;
  }
  JS_FreeValue(ctx, object);
  close(fd);
  return JS_EXCEPTION;
}

static JSValue js_socket_error(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, err = 0;
  socklen_t length = sizeof err;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length)) return throw_errno(ctx, errno, "getsockopt", NULL);
  return JS_NewInt32(ctx, err);
}

static JSValue js_peer_credentials(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length)) return throw_errno(ctx, errno, "getsockopt SO_PEERCRED", NULL);
  JSValue object = JS_NewObject(ctx);
  if (JS_IsException(object)) return object;
  if (set_number(ctx, object, "pid", peer.pid) && set_number(ctx, object, "uid", peer.uid) && set_number(ctx, object, "gid", peer.gid)) {
    return object;
  }
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

static int arg_max(JSContext *ctx, JSValueConst value, size_t *max) {
  int64_t wanted;
  if (arg_i64_or(ctx, value, &wanted, DEFAULT_MESSAGE)) return -1;
  if (wanted < 1 || wanted > MAX_MESSAGE) return bad_argument(ctx, "maxBytes is out of range");
  *max = (size_t)wanted;
  return 0;
}

// Sends one message with `count` fds.
static JSValue send_message(JSContext *ctx, int fd, uint8_t *data, size_t length, const int *fds, int count) {
  union {
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    struct cmsghdr align;
  } control;
  memset(&control, 0, sizeof control);
  struct iovec part = {data, length};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
    memcpy(CMSG_DATA(head), fds, sizeof(int) * (size_t)count);
  }
  ssize_t n;
  do n = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return JS_NewInt32(ctx, -1);
  return n < 0 ? throw_errno(ctx, errno, "sendmsg", NULL) : JS_NewInt64(ctx, n);
}

static JSValue js_send(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd) || arg_bytes(ctx, ARG(1), &data, &length)) return JS_EXCEPTION;
  return send_message(ctx, fd, data, length, NULL, 0);
}

static JSValue js_send_fds(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, fds[MAX_FDS];
  uint8_t *data;
  size_t length;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  int count = arg_fds(ctx, ARG(2), fds, MAX_FDS);
  if (count < 0 || arg_bytes(ctx, ARG(1), &data, &length)) return JS_EXCEPTION;
  return send_message(ctx, fd, data, length, fds, count);
}

static JSValue js_recv(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  size_t max = 0;
  if (arg_int(ctx, ARG(0), &fd) || arg_max(ctx, ARG(1), &max)) return JS_EXCEPTION;
  uint8_t *data = js_malloc(ctx, max);
  if (!data) return JS_EXCEPTION;
  ssize_t n;
  do n = recv(fd, data, max, MSG_TRUNC);
  while (n < 0 && errno == EINTR);
  JSValue result;
  if (n < 0) result = errno == EAGAIN ? JS_NULL : throw_errno(ctx, errno, "recv", NULL);
  else if ((size_t)n > max) result = throw_errno(ctx, EMSGSIZE, "recv", NULL);
  else result = new_bytes(ctx, data, (size_t)n);
  js_free(ctx, data);
  return result;
}

static JSValue js_recv_fds(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd, fds[MAX_FDS], count = 0;
  size_t max = 0;
  union {
    char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    struct cmsghdr align;
  } control;
  if (arg_int(ctx, ARG(0), &fd) || arg_max(ctx, ARG(1), &max)) return JS_EXCEPTION;
  uint8_t *data = js_malloc(ctx, max);
  if (!data) return JS_EXCEPTION;
  struct iovec part = {data, max};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t n;
  do n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    JSValue result = errno == EAGAIN ? JS_NULL : throw_errno(ctx, errno, "recvmsg", NULL);
    js_free(ctx, data);
    return result;
  }
  for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    size_t bytes = head->cmsg_len - CMSG_LEN(0);
    if (bytes > sizeof fds) bytes = sizeof fds;
    memcpy(fds, CMSG_DATA(head), bytes);
    count = (int)(bytes / sizeof(int));
  }
  JSValue object = JS_NewObject(ctx), list = JS_NewArray(ctx), bytes = new_bytes(ctx, data, (size_t)n);
  js_free(ctx, data);
  bool ok = !JS_IsException(object) && !JS_IsException(list) && !JS_IsException(bytes);
  for (int i = 0; ok && i < count; i++) {
    ok = JS_DefinePropertyValueUint32(ctx, list, (uint32_t)i, JS_NewInt32(ctx, fds[i]), JS_PROP_C_W_E) >= 0;
  }
  if (!ok) {
    JS_FreeValue(ctx, list);
    JS_FreeValue(ctx, bytes);
  } else {
    // Each takes over its value, also when it fails.
    ok = set_value(ctx, object, "data", bytes);
    ok = set_value(ctx, object, "fds", list) && ok;
  }
  if (ok) return object;
  JS_FreeValue(ctx, object);
  for (int i = 0; i < count; i++) close(fds[i]);
  return JS_EXCEPTION;
}

#define CONSTANT(name, value) JS_PROP_INT32_DEF(name, value, JS_PROP_ENUMERABLE)
static const JSCFunctionListEntry families[] = {
    CONSTANT("UNIX", AF_UNIX), CONSTANT("INET", AF_INET), CONSTANT("INET6", AF_INET6), CONSTANT("NETLINK", AF_NETLINK), CONSTANT("VSOCK", AF_VSOCK),
};
static const JSCFunctionListEntry types[] = {
    CONSTANT("STREAM", SOCK_STREAM), CONSTANT("DGRAM", SOCK_DGRAM), CONSTANT("RAW", SOCK_RAW), CONSTANT("SEQPACKET", SOCK_SEQPACKET),
};
static const JSCFunctionListEntry shuts[] = {CONSTANT("RD", SHUT_RD), CONSTANT("WR", SHUT_WR), CONSTANT("RDWR", SHUT_RDWR)};
static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("socket", 3, js_socket),
    JS_CFUNC_DEF("listenUnix", 3, js_listen_unix),
    JS_CFUNC_DEF("connectUnix", 1, js_connect_unix),
    JS_CFUNC_DEF("adoptListener", 1, js_adopt_listener),
    JS_CFUNC_DEF("listenVsock", 2, js_listen_vsock),
    JS_CFUNC_DEF("connectVsock", 2, js_connect_vsock),
    JS_CFUNC_DEF("localVsockPort", 1, js_local_vsock_port),
    JS_CFUNC_DEF("accept", 1, js_accept),
    JS_CFUNC_DEF("socketError", 1, js_socket_error),
    JS_CFUNC_DEF("peerCredentials", 1, js_peer_credentials),
    JS_CFUNC_DEF("shutdown", 2, js_shutdown),
    JS_CFUNC_DEF("bindNetlink", 2, js_bind_netlink),
    JS_CFUNC_DEF("send", 2, js_send),
    JS_CFUNC_DEF("recv", 2, js_recv),
    JS_CFUNC_DEF("sendFds", 3, js_send_fds),
    JS_CFUNC_DEF("recvFds", 2, js_recv_fds),
    JS_OBJECT_DEF("AF", families, COUNT(families), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("SOCK", types, COUNT(types), JS_PROP_ENUMERABLE),
    JS_OBJECT_DEF("SHUT", shuts, COUNT(shuts), JS_PROP_ENUMERABLE),
};
const struct topic socket_topic = {entries, COUNT(entries)};
