// See jail_calls.h.
#include "jail_calls.h"
#include "architecture.h"
#include "jail_root.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

// Those that a relay between sockets may need, and a program to start. Of this machine a call may have no number.
enum { NO_CALL = -1 };
#define CALL(name) {#name, SYS_##name}
static const struct {
  const char *name;
  int number;
} calls[] = {
#ifdef SYS_access
    CALL(access),     CALL(arch_prctl), CALL(epoll_wait), CALL(poll), CALL(readlink), CALL(unlink),
#else
    {"access", NO_CALL}, {"arch_prctl", NO_CALL}, {"epoll_wait", NO_CALL}, {"poll", NO_CALL}, {"readlink", NO_CALL}, {"unlink", NO_CALL},
#endif
    CALL(accept4),        CALL(bind),          CALL(brk),           CALL(clock_gettime), CALL(clock_nanosleep),
    CALL(clone),          CALL(clone3),        CALL(close),         CALL(connect),       CALL(dup),
    CALL(epoll_create1),  CALL(epoll_ctl),     CALL(epoll_pwait),   CALL(eventfd2),      CALL(execve),
    CALL(exit),           CALL(exit_group),    CALL(fcntl),         CALL(fstat),         CALL(futex),
    CALL(getpid),         CALL(getrandom),     CALL(getsockname),   CALL(getsockopt),    CALL(gettid),        CALL(getuid),
    CALL(ioctl),          CALL(listen),        CALL(lseek),         CALL(madvise),       CALL(mmap),
    CALL(mprotect),       CALL(mremap),        CALL(munmap),        CALL(newfstatat),    CALL(openat),
    CALL(ppoll),          CALL(prctl),         CALL(pread64),       CALL(prlimit64),     CALL(read),
    CALL(readlinkat), CALL(readv),          CALL(recvfrom),      CALL(recvmsg),       CALL(restart_syscall), CALL(rseq),
    CALL(rt_sigaction),   CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(sched_getaffinity), CALL(sched_yield),
    CALL(sendmsg),        CALL(sendto),        CALL(set_robust_list), CALL(set_tid_address), CALL(setsockopt),
    CALL(shutdown),       CALL(sigaltstack),   CALL(socket),        CALL(socketpair),    CALL(statx),
    CALL(tgkill),         CALL(unlinkat),      CALL(write),         CALL(writev),
};

static int call_number(const char *name, size_t length, const char *word) {
  for (size_t i = 0; i < COUNT(calls); i++) {
    if (strlen(calls[i].name) == length && !memcmp(calls[i].name, name, length)) return calls[i].number;
  }
  jail_refuse(word);
}

void jail_allow_calls(const char *names, const char *word) {
  static struct sock_filter code[4 + 2 * COUNT(calls) + 1] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      // Those of x32 have a bit of their own, and so are none of the list.
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
  };
  unsigned short length = 4;
  while (*names) {
    size_t end = strcspn(names, ",");
    int number = call_number(names, end, word);
    names += end + (names[end] == ',');
    if (number == NO_CALL) continue;
    if (length + 3 > (int)COUNT(code)) jail_refuse(word);
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {.len = length, .filter = code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0)) jail_fail("filter", "system calls");
}
