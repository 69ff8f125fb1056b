// TCP on loopback: a listener on every port of a network namespace, and connections to a port of one's own.
#include "native.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BACKLOG = 128 };

// ------------------------------------------------------------------------------------------------ every port

static int bpf(int command, union bpf_attr *attr) { return (int)syscall(SYS_bpf, command, attr, sizeof *attr); }

#define INSN(c, dst, src, o, i) ((struct bpf_insn){.code = (c), .dst_reg = (dst), .src_reg = (src), .off = (o), .imm = (i)})
#define MOV_REG(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define MOV_IMM(dst, imm) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define ADD_IMM(dst, imm) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define LOAD_FIELD(dst, ctx, field) INSN(BPF_LDX | BPF_MEM | BPF_W, dst, ctx, offsetof(struct bpf_sk_lookup, field), 0)
#define STORE_WORD(dst, off, imm) INSN(BPF_ST | BPF_MEM | BPF_W, dst, 0, off, imm)
#define UNLESS_EQUAL(dst, imm, skip) INSN(BPF_JMP | BPF_JNE | BPF_K, dst, 0, skip, imm)
#define IF_EQUAL(dst, imm, skip) INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, skip, imm)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, function)

// A program that gives every TCP connection to 127.0.0.1 the socket in `map`, whatever its port.
static int load_program(int map) {
  const struct bpf_insn program[] = {
      MOV_REG(BPF_REG_6, BPF_REG_1),
      LOAD_FIELD(BPF_REG_0, BPF_REG_6, protocol),
      UNLESS_EQUAL(BPF_REG_0, IPPROTO_TCP, 16),
      LOAD_FIELD(BPF_REG_0, BPF_REG_6, local_ip4),
      UNLESS_EQUAL(BPF_REG_0, (int)htonl(INADDR_LOOPBACK), 14),
      STORE_WORD(BPF_REG_10, -4, 0),
      MOV_REG(BPF_REG_2, BPF_REG_10),
      ADD_IMM(BPF_REG_2, -4),
      INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
      INSN(0, 0, 0, 0, 0),
      CALL(BPF_FUNC_map_lookup_elem),
      IF_EQUAL(BPF_REG_0, 0, 7),
      MOV_REG(BPF_REG_7, BPF_REG_0),
      MOV_REG(BPF_REG_1, BPF_REG_6),
      MOV_REG(BPF_REG_2, BPF_REG_7),
      MOV_IMM(BPF_REG_3, 0),
      CALL(BPF_FUNC_sk_assign),
      // The lookup has taken a reference.
      MOV_REG(BPF_REG_1, BPF_REG_7),
      CALL(BPF_FUNC_sk_release),
      MOV_IMM(BPF_REG_0, SK_PASS),
      INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
  };
  union bpf_attr attr = {0};
  attr.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
  attr.expected_attach_type = BPF_SK_LOOKUP;
  attr.insns = (uintptr_t)program;
  attr.insn_cnt = COUNT(program);
  attr.license = (uintptr_t) "Apache-2.0";
  strcpy(attr.prog_name, "every_port");
  return bpf(BPF_PROG_LOAD, &attr);
}

// Makes `listener` the one of every port in the namespace `netns`, as long as the returned descriptor is open.
static int link_every_port(int netns, int listener) {
  union bpf_attr attr = {0};
  attr.map_type = BPF_MAP_TYPE_SOCKMAP;
  attr.key_size = sizeof(uint32_t);
  attr.value_size = sizeof(uint64_t);
  attr.max_entries = 1;
  int map = bpf(BPF_MAP_CREATE, &attr);
  if (map < 0) return -1;
  int program = -1, link = -1;
  uint32_t key = 0;
  uint64_t value = (uint64_t)listener;
  attr = (union bpf_attr){0};
  attr.map_fd = (uint32_t)map;
  attr.key = (uintptr_t)&key;
  attr.value = (uintptr_t)&value;
  if (!bpf(BPF_MAP_UPDATE_ELEM, &attr)) program = load_program(map);
  if (program >= 0) {
    attr = (union bpf_attr){0};
    attr.link_create.prog_fd = (uint32_t)program;
    attr.link_create.target_fd = (uint32_t)netns;
    attr.link_create.attach_type = BPF_SK_LOOKUP;
    link = bpf(BPF_LINK_CREATE, &attr);
  }
  int failed = errno;
  // The link keeps the program, which keeps the map.
  if (program >= 0) close(program);
  close(map);
  errno = failed;
  return link;
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

// A socket belongs to the namespace it is made in, whoever uses it later.
static int listen_in(int netns) {
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (own < 0) return -1;
  int fd = -1, failed = 0;
  if (setns(netns, CLONE_NEWNET)) {
    failed = errno;
  } else {
    struct sockaddr_in address = loopback(0);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG)) failed = errno;
    // Left elsewhere, all that this process does later would go wrong.
    if (setns(own, CLONE_NEWNET)) _exit(70);
  }
  close(own);
  if (failed && fd >= 0) close(fd);
  errno = failed;
  return failed ? -1 : fd;
}

static JSValue js_listen_every_port(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  const char *path = arg_string(ctx, ARG(0));
  if (!path) return JS_EXCEPTION;
  const char *step = "open";
  int listener = -1, link = -1;
  int netns = open(path, O_RDONLY | O_CLOEXEC);
  if (netns >= 0) {
    step = "listen";
    listener = listen_in(netns);
  }
  if (listener >= 0) {
    step = "bpf";
    link = link_every_port(netns, listener);
  }
  int failed = errno;
  if (netns >= 0) close(netns);
  if (link < 0) {
    if (listener >= 0) close(listener);
    JSValue error = throw_errno(ctx, failed, step, path);
    JS_FreeCString(ctx, path);
    return error;
  }
  JS_FreeCString(ctx, path);
  JSValue object = JS_NewObject(ctx);
  if (!JS_IsException(object) && set_number(ctx, object, "listener", listener) && set_number(ctx, object, "link", link)) {
    return object;
  }
  JS_FreeValue(ctx, object);
  close(listener);
  close(link);
  return JS_EXCEPTION;
}

// ------------------------------------------------------------------------------------------------ one port

static JSValue js_local_port(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int fd;
  union {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
  } address;
  socklen_t length = sizeof address;
  if (arg_int(ctx, ARG(0), &fd)) return JS_EXCEPTION;
  if (getsockname(fd, &address.any, &length)) return throw_errno(ctx, errno, "getsockname", NULL);
  if (address.any.sa_family == AF_INET) return JS_NewInt32(ctx, ntohs(address.ip4.sin_port));
  if (address.any.sa_family == AF_INET6) return JS_NewInt32(ctx, ntohs(address.ip6.sin6_port));
  return throw_errno(ctx, EAFNOSUPPORT, "getsockname", NULL);
}

static JSValue js_connect_loopback(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  int domain, port;
  if (arg_int(ctx, ARG(0), &domain) || arg_int(ctx, ARG(1), &port)) return JS_EXCEPTION;
  if ((domain != AF_INET && domain != AF_INET6) || port < 1 || port > 65535) {
    return bad_argument(ctx, "connectLoopback needs AF.INET or AF.INET6 and a port"), JS_EXCEPTION;
  }
  int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_errno(ctx, errno, "socket", NULL);
  struct sockaddr_in ip4 = loopback(port);
  struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
  int failed = domain == AF_INET ? connect(fd, (struct sockaddr *)&ip4, sizeof ip4)
                                 : connect(fd, (struct sockaddr *)&ip6, sizeof ip6);
  if (!failed || errno == EINPROGRESS) return JS_NewInt32(ctx, fd);
  failed = errno;
  close(fd);
  return throw_errno(ctx, failed, "connect", NULL);
}

static const JSCFunctionListEntry entries[] = {
    JS_CFUNC_DEF("listenEveryPort", 1, js_listen_every_port),
    JS_CFUNC_DEF("localPort", 1, js_local_port),
    JS_CFUNC_DEF("connectLoopback", 2, js_connect_loopback),
};
const struct topic loopback_topic = {entries, COUNT(entries)};
