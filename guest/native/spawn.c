// Starting a program. The child shares our memory until exec (CLONE_VM | CLONE_VFORK): no page tables are copied, and a
// failing step is reported by writing into the request itself.
#include "native.h"
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_ARGS = 4096, MAX_EXTRA_FDS = 64, STACK_BYTES = 64 * 1024 };

struct request {
  char program[PATH_MAX];
  char **argv, **env;
  const char *cwd;
  int fds[3 + MAX_EXTRA_FDS];  // what becomes fd 0, 1, 2, ...
  int fd_count;
  int cgroup_fd, netns_fd, uid, gid, death_signal;  // -1 (0 for the signal) without
  bool setsid, ctty;
  // The answer of the child.
  volatile int failed;  // errno
  const char *volatile step;
};

// Runs in the child, on its own stack but in our memory: only system calls, nothing that allocates or locks.
#define UNCHECKED __attribute__((no_sanitize("address", "undefined")))

UNCHECKED static int child_fds(struct request *r) {
  // First out of the way of the target numbers, then into place; dup2 clears close-on-exec.
  for (int i = 0; i < r->fd_count; i++) {
    r->fds[i] = fcntl(r->fds[i], F_DUPFD_CLOEXEC, 3 + MAX_EXTRA_FDS);
    if (r->fds[i] < 0) return -1;
  }
  for (int i = 0; i < r->fd_count; i++) {
    if (dup2(r->fds[i], i) < 0) return -1;
  }
  syscall(SYS_close_range, (unsigned)r->fd_count, ~0u, 0u);
  return 0;
}

UNCHECKED static int enter_cgroup(int cgroup) {
  int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  // Closed with the rest.
  return write(fd, "0", 1) == 1 ? 0 : -1;
}

UNCHECKED static int child(void *argument) {
  struct request *r = argument;
#define STEP(name, failed) \
  do { \
    r->step = name; \
    if (failed) goto fail; \
  } while (0)
  for (int signal = 1; signal < NSIG; signal++) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    sigaction(signal, &action, NULL);
  }
  if (r->death_signal) STEP("prctl", prctl(PR_SET_PDEATHSIG, r->death_signal));
  if (r->cgroup_fd >= 0) STEP("cgroup", enter_cgroup(r->cgroup_fd));
  if (r->netns_fd >= 0) STEP("setns", setns(r->netns_fd, CLONE_NEWNET));
  if (r->setsid) STEP("setsid", setsid() < 0);
  STEP("dup2", child_fds(r));
  if (r->ctty) STEP("ioctl TIOCSCTTY", ioctl(0, TIOCSCTTY, 0));
  if (r->cwd) STEP("chdir", chdir(r->cwd));
  // The raw calls: glibc's would try to change the threads of the parent too.
  if (r->gid >= 0 || r->uid >= 0) STEP("setgroups", syscall(SYS_setgroups, 0, NULL));
  if (r->gid >= 0) STEP("setresgid", syscall(SYS_setresgid, r->gid, r->gid, r->gid));
  if (r->uid >= 0) STEP("setresuid", syscall(SYS_setresuid, r->uid, r->uid, r->uid));
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  r->step = "execve";
  execve(r->program, r->argv, r->env);
fail:
  r->failed = errno;
  _exit(127);
}

// Searches $PATH as execvp(3) does. Returns 0 or an errno.
static int find_program(const char *name, char *program) {
  if (strchr(name, '/')) return snprintf(program, PATH_MAX, "%s", name) < PATH_MAX ? 0 : ENAMETOOLONG;
  const char *path = getenv("PATH");
  if (!path) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  while (*name && *path) {
    size_t length = strcspn(path, ":");
    if (length && snprintf(program, PATH_MAX, "%.*s/%s", (int)length, path, name) < PATH_MAX && !access(program, X_OK)) return 0;
    path += length + (path[length] == ':');
  }
  return ENOENT;
}

static int option_int(JSContext *ctx, JSValueConst options, const char *name, int *out, int fallback) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : arg_int_or(ctx, value, out, fallback);
  JS_FreeValue(ctx, value);
  return failed;
}

static int option_bool(JSContext *ctx, JSValueConst options, const char *name, bool *out) {
  JSValue value = JS_GetPropertyStr(ctx, options, name);
  int failed = JS_IsException(value) ? -1 : arg_bool_or(ctx, value, out, false);
  JS_FreeValue(ctx, value);
  return failed;
}

static int read_options(JSContext *ctx, JSValueConst options, struct request *r, int null_fd) {
  JSValue value = JS_GetPropertyStr(ctx, options, "argv");
  r->argv = arg_strings(ctx, value, MAX_ARGS);
  JS_FreeValue(ctx, value);
  if (!r->argv) return -1;
  if (!r->argv[0]) return bad_argument(ctx, "argv is empty");

  value = JS_GetPropertyStr(ctx, options, "env");
  bool inherit = JS_IsUndefined(value);
  if (!inherit) r->env = arg_strings(ctx, value, MAX_ARGS);
  JS_FreeValue(ctx, value);
  if (!inherit && !r->env) return -1;

  value = JS_GetPropertyStr(ctx, options, "cwd");
  bool has_cwd = !JS_IsUndefined(value);
  if (has_cwd) r->cwd = arg_string(ctx, value);
  JS_FreeValue(ctx, value);
  if (has_cwd && !r->cwd) return -1;

  if (option_int(ctx, options, "stdin", &r->fds[0], null_fd) || option_int(ctx, options, "stdout", &r->fds[1], 1) ||
      option_int(ctx, options, "stderr", &r->fds[2], 2) || option_int(ctx, options, "cgroupFd", &r->cgroup_fd, -1) ||
      option_int(ctx, options, "netnsFd", &r->netns_fd, -1) || option_int(ctx, options, "uid", &r->uid, -1) ||
      option_int(ctx, options, "gid", &r->gid, -1) || option_int(ctx, options, "pdeathsig", &r->death_signal, 0) ||
      option_bool(ctx, options, "setsid", &r->setsid) || option_bool(ctx, options, "ctty", &r->ctty)) {
    return -1;
  }
  if (r->ctty) r->setsid = true;
  r->fd_count = 3;
  value = JS_GetPropertyStr(ctx, options, "extraFds");
  int extra = JS_IsUndefined(value) ? 0 : arg_fds(ctx, value, r->fds + 3, MAX_EXTRA_FDS);
  JS_FreeValue(ctx, value);
  if (extra < 0) return -1;
  r->fd_count += extra;
  return 0;
}

// Returns the pid, or -1 with r->failed and r->step set.
static pid_t start(struct request *r) {
  void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) {
    r->failed = errno;
    r->step = "mmap";
    return -1;
  }
  // No handler of ours may run in the child while it shares our memory.
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &old);
  pid_t pid = clone(child, (char *)stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, r);
  int err = errno;
  sigprocmask(SIG_SETMASK, &old, NULL);
  munmap(stack, STACK_BYTES);
  if (pid < 0) {
    r->failed = err;
    r->step = "clone";
  } else if (r->failed) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    pid = -1;
  }
  return pid;
}

static JSValue js_spawn(JSContext *ctx, JSValueConst self, int argc, JSValueConst *argv) {
  (void)self;
  if (!JS_IsObject(ARG(0))) return bad_argument(ctx, "spawn needs options"), JS_EXCEPTION;
  int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  // On the heap: the path buffer is large.
  struct request *r = calloc(1, sizeof *r);
  if (!r) {
    if (null_fd >= 0) close(null_fd);
    return JS_ThrowOutOfMemory(ctx);
  }
  JSValue result = JS_EXCEPTION;
  if (!read_options(ctx, argv[0], r, null_fd)) {
    char **own = r->env;
    if (!r->env) r->env = environ;
    int err = find_program(r->argv[0], r->program);
    if (err) {
      result = throw_errno(ctx, err, "execve", r->argv[0]);
    } else {
      pid_t pid = start(r);
      result = pid < 0 ? throw_errno(ctx, r->failed, r->step, r->argv[0]) : JS_NewInt32(ctx, pid);
    }
    r->env = own;
  }
  free_strings(r->argv);
  free_strings(r->env);
  JS_FreeCString(ctx, r->cwd);
  free(r);
  if (null_fd >= 0) close(null_fd);
  return result;
}

static const JSCFunctionListEntry entries[] = {JS_CFUNC_DEF("spawn", 1, js_spawn)};
const struct topic spawn_topic = {entries, COUNT(entries)};
