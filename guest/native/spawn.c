// spawn(): a child by clone(CLONE_VM | CLONE_VFORK), as posix_spawn does it. No page table is copied, which is most of
// the price of fork under emulation, and the child can report in our memory which step failed.
#include "native.h"
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { MAX_ARGUMENTS = 4096, MAX_EXTRA_FDS = 16, STACK_SIZE = 64 * 1024, NONE = -1 };

struct plan {
  char **argv, **env, **private_mounts;
  char *cwd;
  int fds[3 + MAX_EXTRA_FDS];
  int fd_count;
  bool setsid, ctty, no_vsock;
  int cgroup_fd, netns_fd, pdeathsig;
  int64_t uid, gid;
  // Written by the child.
  const char *failed_step;
  int failed_errno;
};

#define TRY(step, call)           \
  do {                            \
    if ((call) < 0) {             \
      plan->failed_step = step;   \
      plan->failed_errno = errno; \
      _exit(127);                 \
    }                             \
  } while (0)

// What runs in the child does so on a stack that is thrown away: the sanitizers would keep marks of it.
#define IN_CHILD __attribute__((no_sanitize("address", "undefined"))) static

IN_CHILD int enter_cgroup(int directory) {
  int fd = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = write(fd, "0", 1);
  int failed = errno;
  close(fd);
  errno = failed;
  return n == 1 ? 0 : -1;
}

// A view of the host's mounts in which some are gone or hidden. What is mounted on the host later still arrives in it.
IN_CHILD int change_mounts(char **actions) {
  static const char unmount[] = "unmount:", hide[] = "hide:", scratch[] = "scratch:";
  if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) return -1;
  for (; *actions; actions++) {
    int failed;
    if (!strncmp(*actions, unmount, sizeof unmount - 1)) {
      failed = umount2(*actions + sizeof unmount - 1, MNT_DETACH);
      // Nothing is mounted there, which is just as well.
      if (failed && (errno == EINVAL || errno == ENOENT)) failed = 0;
    } else if (!strncmp(*actions, hide, sizeof hide - 1)) {
      failed = mount("none", *actions + sizeof hide - 1, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    } else if (!strncmp(*actions, scratch, sizeof scratch - 1)) {
      failed = mount("none", *actions + sizeof scratch - 1, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755");
    } else {
      errno = EINVAL;
      failed = -1;
    }
    if (failed) return -1;
  }
  return 0;
}

#if defined(__x86_64__)
enum { NATIVE_ARCH = AUDIT_ARCH_X86_64, COMPAT_ARCH = AUDIT_ARCH_I386, COMPAT_SOCKET = 359 };
#elif defined(__aarch64__)
enum { NATIVE_ARCH = AUDIT_ARCH_AARCH64, COMPAT_ARCH = AUDIT_ARCH_ARM, COMPAT_SOCKET = 281 };
#else
#error "no_vsock knows x86_64 and aarch64"
#endif
#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)

// socket(AF_VSOCK) fails as in a kernel without it, for the program and all that it ever starts, whatever other filters they get.
// The family is an int: the upper half of its register says nothing, both machines are little-endian. i386 has socketcall() as
// well, whose arguments no filter sees.
IN_CHILD int deny_vsock(void) {
  static struct sock_filter code[] = {
      FIELD(arch),
      IF(NATIVE_ARCH, 3, 0),
      IF(COMPAT_ARCH, 0, 7),
      FIELD(nr),
      IF(COMPAT_SOCKET, 2, 5),
      FIELD(nr),
      IF(SYS_socket, 0, 3),
      FIELD(args[0]),
      IF(AF_VSOCK, 0, 1),
      RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
      RETURN(SECCOMP_RET_ALLOW),
  };
  static const struct sock_fprog program = {.len = COUNT(code), .filter = code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

// First out of the way, then into place: a source may have the number of another's target.
IN_CHILD int place_fds(struct plan *plan) {
  for (int i = 0; i < plan->fd_count; i++) {
    int source = plan->fds[i];
    if (source == NONE) source = i == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : i;
    int parked = source < 0 ? -1 : fcntl(source, F_DUPFD_CLOEXEC, plan->fd_count);
    if (parked < 0) return -1;
    plan->fds[i] = parked;
  }
  for (int i = 0; i < plan->fd_count; i++) {
    if (dup2(plan->fds[i], i) < 0) return -1;
  }
  return 0;
}

IN_CHILD int child(void *argument) {
  struct plan *plan = argument;
  // What the agent ignores must not be ignored by containers. By the raw call: the C library keeps two signals to itself,
  // and they may have been ignored by whoever started us. Handlers are this child's own (no CLONE_SIGHAND).
  static const uint64_t default_action[4];
  for (int signal = 1; signal <= 64; signal++) syscall(SYS_rt_sigaction, signal, default_action, NULL, sizeof(uint64_t));
  if (plan->pdeathsig) TRY("prctl", prctl(PR_SET_PDEATHSIG, plan->pdeathsig, 0, 0, 0));
  if (plan->cgroup_fd != NONE) TRY("cgroup.procs", enter_cgroup(plan->cgroup_fd));
  if (plan->private_mounts) TRY("mount", change_mounts(plan->private_mounts));
  if (plan->netns_fd != NONE) TRY("setns", setns(plan->netns_fd, CLONE_NEWNET));
  if (plan->setsid || plan->ctty) TRY("setsid", setsid());
  TRY("dup2", place_fds(plan));
  if (plan->ctty) TRY("TIOCSCTTY", ioctl(0, TIOCSCTTY, 0));
  syscall(SYS_close_range, plan->fd_count, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
  // While we still have the capability that this needs.
  if (plan->no_vsock) TRY("seccomp", deny_vsock());
  // Raw system calls: the C library's versions would tell the threads of the parent, whose memory this is.
  if (plan->gid >= 0) {
    TRY("setgroups", syscall(SYS_setgroups, 0, NULL));
    TRY("setgid", syscall(SYS_setgid, (gid_t)plan->gid));
  }
  if (plan->uid >= 0) TRY("setuid", syscall(SYS_setuid, (uid_t)plan->uid));
  if (plan->cwd) TRY("chdir", chdir(plan->cwd));
  sigset_t nothing;
  sigemptyset(&nothing);
  sigprocmask(SIG_SETMASK, &nothing, NULL);
  execvpe(plan->argv[0], plan->argv, plan->env ? plan->env : environ);
  TRY("execve", -1);
  return 0;
}

static pid_t start(struct plan *plan) {
  // Below the stack there is a page that cannot be touched: the memory that it would grow into is ours.
  const size_t guard = (size_t)sysconf(_SC_PAGESIZE), size = guard + STACK_SIZE;
  char *stack = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  if (mprotect(stack + guard, STACK_SIZE, PROT_READ | PROT_WRITE)) {
    int failed = errno;
    munmap(stack, size);
    errno = failed;
    return -1;
  }
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  pid_t pid = clone(child, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, plan);
  int failed = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  munmap(stack, size);
  errno = failed;
  return pid;
}

// ------------------------------------------------------------------------------------------------ options

static int option_int(JSContext *ctx, JSValueConst options, const char *name, int *out, int fallback) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : arg_int_or(ctx, value, out, fallback);
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_i64(JSContext *ctx, JSValueConst options, const char *name, int64_t *out) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : arg_i64_or(ctx, value, out, NONE);
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_bool(JSContext *ctx, JSValueConst options, const char *name, bool *out) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : arg_bool_or(ctx, value, out, false);
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_strings(JSContext *ctx, JSValueConst options, const char *name, char ***out) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : 0;
  if (!failed && !JS_IsUndefined(value) && !(*out = arg_strings(ctx, value, MAX_ARGUMENTS))) failed = -1;
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_cwd(JSContext *ctx, JSValueConst options, struct plan *plan) {
  JSValue value = JS_GetPropertyStr(ctx, options, "cwd");
  int failed = JS_IsException(value) ? -1 : 0;
  if (!failed && !JS_IsUndefined(value)) {
    const char *text = arg_string(ctx, value);
    plan->cwd = text ? strdup(text) : NULL;
    failed = plan->cwd ? 0 : -1;
    if (text) JS_FreeCString(ctx, text);
  }
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_fds(JSContext *ctx, JSValueConst options, struct plan *plan) {
  static const char *const names[] = {"stdin", "stdout", "stderr"};
  for (int i = 0; i < 3; i++) {
    if (option_int(ctx, options, names[i], &plan->fds[i], NONE)) return -1;
  }
  plan->fd_count = 3;
  JSValue extra = JS_GetPropertyStr(ctx, options, "extraFds");
  int count = JS_IsException(extra) ? -1 : JS_IsUndefined(extra) ? 0 : arg_fds(ctx, extra, plan->fds + 3, MAX_EXTRA_FDS);
  JS_FreeValue(ctx, extra);
  if (count < 0) return -1;
  plan->fd_count += count;
  return 0;
}

static int read_options(JSContext *ctx, JSValueConst options, struct plan *plan) {
  if (!JS_IsObject(options)) return bad_argument(ctx, "spawn needs an object");
  if (option_strings(ctx, options, "argv", &plan->argv) || option_strings(ctx, options, "env", &plan->env) ||
      option_strings(ctx, options, "privateMounts", &plan->private_mounts)) {
    return -1;
  }
  if (!plan->argv || !plan->argv[0]) return bad_argument(ctx, "spawn needs a program in argv");
  return option_cwd(ctx, options, plan) || option_fds(ctx, options, plan) || option_bool(ctx, options, "setsid", &plan->setsid) ||
                 option_bool(ctx, options, "ctty", &plan->ctty) || option_bool(ctx, options, "noVsock", &plan->no_vsock) || option_int(ctx, options, "cgroupFd", &plan->cgroup_fd, NONE) ||
                 option_int(ctx, options, "netnsFd", &plan->netns_fd, NONE) ||
                 option_int(ctx, options, "pdeathsig", &plan->pdeathsig, 0) || option_i64(ctx, options, "uid", &plan->uid) ||
                 option_i64(ctx, options, "gid", &plan->gid)
             ? -1
             : 0;
}

static JSValue js_spawn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  struct plan plan = {.cgroup_fd = NONE, .netns_fd = NONE, .uid = NONE, .gid = NONE};
  JSValue result = JS_EXCEPTION;
  if (!read_options(ctx, ARG(0), &plan)) {
    pid_t pid = start(&plan);
    if (pid < 0) {
      result = throw_errno(ctx, errno, "clone", plan.argv[0]);
    } else if (plan.failed_step) {
      // The child has ended already; nobody else may see it.
      while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
      }
      result = throw_errno(ctx, plan.failed_errno, plan.failed_step, plan.argv[0]);
    } else {
      result = JS_NewInt32(ctx, pid);
    }
  }
  free_strings(plan.argv);
  free_strings(plan.env);
  free_strings(plan.private_mounts);
  free(plan.cwd);
  return result;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("spawn", 1, js_spawn)};
const struct topic spawn_topic = {entries, COUNT(entries)};
