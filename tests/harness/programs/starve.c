// `starve CONTROL COMMAND...` becomes the command; a process beside it has some of its calls fail as if the host were out of files or
// memory. Which ones stands in CONTROL, a file of four numbers of 32 bits: the process (0 for nobody), the kind of call, the errno,
// and how often that has happened, which is counted here.
//
// The kernel asks that process at each such call, also of what the command starts (seccomp_unotify(2)); only those of the process
// in CONTROL ever fail.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum kind { ACCEPT = 1, OPEN, SPAWN };

struct control {
  volatile uint32_t pid, kind, error, hits;
};

static enum kind kind_of(int call) {
  switch (call) {
    case SYS_accept:
    case SYS_accept4:
      return ACCEPT;
    case SYS_open:
    case SYS_openat:
    case SYS_openat2:
    case SYS_socket:
    case SYS_pipe2:
    case SYS_memfd_create:
      return OPEN;
    default:
      return SPAWN;
  }
}

static void fail(const char *what) {
  perror(what);
  _exit(71);
}

// The process that a thread is of.
static uint32_t process_of(uint32_t thread) {
  char path[40], text[512];
  snprintf(path, sizeof path, "/proc/%u/status", thread);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  const char *line = strstr(text, "\nTgid:");
  return line ? (uint32_t)strtoul(line + 6, NULL, 10) : 0;
}

static void answer(int calls, struct control *control) {
  for (;;) {
    struct pollfd waiting = {calls, POLLIN, 0};
    if (poll(&waiting, 1, -1) < 0 && errno != EINTR) return;
    // All whom it concerns have ended.
    if (waiting.revents & POLLHUP) return;
    struct seccomp_notif call = {0};
    if (ioctl(calls, SECCOMP_IOCTL_NOTIF_RECV, &call)) continue;
    struct seccomp_notif_resp response = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (control->pid && control->kind == kind_of(call.data.nr) && process_of(call.pid) == control->pid) {
      response.flags = 0;
      response.error = -(int)control->error;
      control->hits++;
    }
    ioctl(calls, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
}

static int hand_over(int socket, int fd) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } data = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = data.room, .msg_controllen = sizeof data.room};
  if (fd < 0) {
    if (recvmsg(socket, &message, 0) <= 0 || !CMSG_FIRSTHDR(&message)) return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
  }
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return sendmsg(socket, &message, 0) == 1 ? fd : -1;
}

// Nobody's child, so that the command sees no child that it has not started, and with nothing of the command's, its arguments least.
static void start_helper(int socket, int argc, char **argv) {
  const char *path = argv[1];
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child) {
    waitpid(child, NULL, 0);
    return;
  }
  if (fork()) _exit(0);
  setsid();
  int calls = hand_over(socket, -1), file = open(path, O_RDWR | O_CLOEXEC);
  if (calls < 0 || file < 0) fail(path);
  struct control *control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (control == MAP_FAILED) fail("mmap");
  for (int i = 0; i < argc; i++) memset(argv[i], 0, strlen(argv[i]));
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  if (dup2(calls, 3) < 0) _exit(71);
  close_range(4, ~0U, 0);
  answer(3, control);
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 3) return 64;
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) fail("socketpair");
  start_helper(pair[1], argc, argv);
  close(pair[1]);
  static const int calls[] = {
      SYS_accept, SYS_accept4, SYS_open, SYS_openat, SYS_openat2, SYS_socket, SYS_pipe2, SYS_memfd_create, SYS_clone, SYS_clone3, SYS_fork,
      SYS_vfork,
  };
  enum { COUNT = sizeof calls / sizeof *calls };
  struct sock_filter filter[COUNT + 3] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (int i = 0; i < COUNT; i++) {
    filter[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], (uint8_t)(COUNT - i), 0);
  }
  filter[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  filter[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  struct sock_fprog program = {COUNT + 3, filter};
  int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) fail("seccomp");
  if (hand_over(pair[0], listener) < 0) fail("sendmsg");
  close(listener);
  close(pair[0]);
  execv(argv[2], argv + 2);
  fail(argv[2]);
}
