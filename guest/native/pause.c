// The first process of a PID namespace that a pod's containers share: it has nothing to do but reap. They see it, and one
// that may trace sees into it, so that there must be nothing in it that is not theirs: docs/decisions/first-process.md.
#include "pause.h"
#include "architecture.h"
#include "native.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char NAME[] = "kuasar-pause";

enum {
  // As Kubernetes' pause image has it: nobody, and no file's owner.
  NOBODY = 65535,
  // Descriptors of a process that is becoming the first of a namespace: its leave to stay comes from one, it reports to the other.
  LEAVE = 0,
  REPORT = 1,
  PROGRAM = 2,
};

static _Noreturn void pause_forever(void) {
  for (;;) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static _Noreturn void fail(int fd, const char *what, const char *subject) {
  dprintf(fd, "%s: cannot %s%s%s: %s\n", NAME, what, *subject ? " " : "", subject, strerror(errno));
  _exit(1);
}

// ------------------------------------------------------------------------------------------------ the first process

// Whoever looks into its root finds an empty directory that nobody can write to.
static int leave_root(void) {
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // Any directory will do to begin with: what is mounted here is seen here alone.
  if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
      mount("none", "/proc", "tmpfs", flags, "size=4k,mode=0555") || chdir("/proc")) {
    return -1;
  }
  return syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/") ? -1 : 0;
}

static int drop_rights(void) {
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)) return -1;
  }
  // By raw calls, as all of this program's: there is one thread.
  if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) ||
      syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY)) {
    return -1;
  }
  // Also where it has never been root.
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  if (syscall(SYS_capset, &header, none)) return -1;
  static const struct rlimit nothing;
  setrlimit(RLIMIT_CORE, &nothing);
  // Nobody without CAP_SYS_PTRACE may look into it, whatever uid he has.
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : 0;
}

// All that is left is to wait and to end. What reads, writes and closes does so before it has its leave: afterwards it has no
// descriptor, and no call that would give it one.
static int filter_calls(void) {
  static const unsigned allowed[] = {
      SYS_ppoll, SYS_restart_syscall, SYS_rt_sigreturn, SYS_exit_group, SYS_exit, SYS_read, SYS_write, SYS_close,
  };
  struct sock_filter code[5 + COUNT(allowed)] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 0, COUNT(allowed) + 1),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
  };
  for (unsigned i = 0; i < COUNT(allowed); i++) {
    code[3 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], COUNT(allowed) - i, 0);
  }
  code[3 + COUNT(allowed)] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  code[4 + COUNT(allowed)] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = COUNT(code), .filter = code};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

// Becomes what its containers may see of it, reports, and stays if it gets its leave: whoever has asked for it may have died
// before it has written its pid down, and nobody would ever end it. The sanitizers have calls of their own to make.
__attribute__((no_sanitize("address", "undefined"))) static _Noreturn void hold_namespace(void) {
  static const char ready[] = "ready\n";
  char leave;
  // Children that it is given are reaped by the kernel.
  signal(SIGCHLD, SIG_IGN);
  prctl(PR_SET_NAME, NAME, 0, 0, 0);
  if (syscall(SYS_close_range, PROGRAM, ~0U, 0)) fail(REPORT, "close", "what it has inherited");
  if (setsid() < 0 && errno != EPERM) fail(REPORT, "make", "a session");
  if (leave_root()) fail(REPORT, "leave", "the root file system");
  if (drop_rights()) fail(REPORT, "drop", "its rights");
  if (filter_calls()) fail(REPORT, "filter", "its system calls");
  if (write(REPORT, ready, sizeof ready - 1) < 0) _exit(1);
  close(REPORT);
  if (read(LEAVE, &leave, 1) != 1) _exit(1);
  close(LEAVE);
  pause_forever();
}

// ------------------------------------------------------------------------------------------------ who makes it

// This program, in a mount of its own that nobody can write to: the file that a process runs can be reached through it.
static int open_program(void) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
  int fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes)) return -1;
  return fd;
}

// Runs this program as the first process of the namespace that was made for the next child. It has nothing of our arguments and
// environment, in which paths of the host are.
static pid_t start_first(int program, int report) {
  pid_t pid = fork();
  if (pid) return pid;
  static char *const arguments[] = {(char *)NAME, NULL}, *const environment[] = {NULL};
  // The report's number is higher than these: they were open when its pipe was made.
  if (dup2(report, REPORT) < 0 || dup2(program, PROGRAM) < 0) _exit(1);
  // By a number that is closed when it is through.
  fcntl(PROGRAM, F_SETFD, FD_CLOEXEC);
  syscall(SYS_execveat, PROGRAM, "", arguments, environment, AT_EMPTY_PATH);
  fail(REPORT, "run", "itself");
}

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t length = (ssize_t)strlen(text), written = write(fd, text, (size_t)length);
  int failed = errno;
  close(fd);
  errno = failed;
  return written == length ? 0 : -1;
}

// What is to be done before the namespace is made, by the word in front of each subject.
static void prepare(const char *word, const char *subject) {
  if (!strcmp(word, "join")) {
    int fd = open(subject, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, 0)) fail(STDERR_FILENO, word, subject);
    close(fd);
  } else if (!strcmp(word, "cgroup")) {
    char path[4096];
    if (snprintf(path, sizeof path, "%s/cgroup.procs", subject) >= (int)sizeof path) errno = ENAMETOOLONG;
    else if (!write_file(path, "0")) return;
    fail(STDERR_FILENO, "enter", subject);
  } else if (!strcmp(word, "oom_score_adj")) {
    if (write_file("/proc/self/oom_score_adj", subject)) fail(STDERR_FILENO, "set oom_score_adj to", subject);
  } else if (strcmp(word, "keep")) {
    errno = EINVAL;
    fail(STDERR_FILENO, "understand", word);
  }
}

// `kuasar-pause new [join FILE]... [cgroup FOLDER]... [oom_score_adj N] keep FILE`: joins namespaces, enters cgroups, makes a
// namespace for PIDs with a process in it, mounts the namespace on a file and writes the process's pid. That one stays when it
// reads a byte from our stdin, and ends at the end of it.
static _Noreturn void pause_in_new(int count, char **words) {
  const char *keep = NULL;
  for (int i = 0; i + 1 < count; i += 2) {
    prepare(words[i], words[i + 1]);
    if (!strcmp(words[i], "keep")) keep = words[i + 1];
  }
  int report[2];
  char said[256];
  size_t length = 0;
  if (!keep) errno = EINVAL, fail(STDERR_FILENO, "keep", "the namespace: it is not said where");
  int program = open_program();
  if (program < 0) fail(STDERR_FILENO, "open", "itself");
  if (pipe2(report, O_CLOEXEC)) fail(STDERR_FILENO, "make", "a pipe");
  if (unshare(CLONE_NEWPID)) fail(STDERR_FILENO, "make", "a PID namespace");
  pid_t pid = start_first(program, report[1]);
  if (pid < 0) fail(STDERR_FILENO, "make", "a process");
  close(report[1]);
  ssize_t n;
  while ((n = read(report[0], said + length, sizeof said - length)) > 0) length += (size_t)n;
  if (length == 0 || memcmp(said, "ready\n", length < 6 ? length : 6)) {
    waitpid(pid, NULL, 0);
    dprintf(STDERR_FILENO, "%.*s", (int)length, length ? said : "");
    if (!length) dprintf(STDERR_FILENO, "%s: its process ended without a word\n", NAME);
    _exit(1);
  }
  if (mount("/proc/self/ns/pid_for_children", keep, NULL, MS_BIND, NULL)) {
    int failed = errno;
    kill(pid, SIGKILL);
    errno = failed;
    fail(STDERR_FILENO, "keep the namespace at", keep);
  }
  dprintf(STDOUT_FILENO, "%d\n", pid);
  _exit(0);
}

// ------------------------------------------------------------------------------------------------ inside of a sandbox

// `kuasar-pause set <file> <value>...`: for the kernel of a sandbox, whose settings only a process in it can write.
static int write_files(int count, char **words) {
  for (int i = 0; i + 1 < count; i += 2) {
    if (write_file(words[i], words[i + 1])) fail(STDERR_FILENO, "write", words[i]);
  }
  return 0;
}

bool pause_main(int argc, char **argv, int *code) {
  if (argc == 1 && !strcmp(argv[0], NAME)) hold_namespace();
  if (argc < 2 || strcmp(argv[1], NAME)) return false;
  if (argc == 2) {
    // In a sandbox that a kernel of its own keeps, with a spec for what it may do.
    signal(SIGCHLD, SIG_IGN);
    pause_forever();
  }
  if (!strcmp(argv[2], "new")) pause_in_new(argc - 3, argv + 3);
  else if (!strcmp(argv[2], "set")) *code = write_files(argc - 3, argv + 3);
  else return false;
  return true;
}
