// The keeper: parent of the task server on a host. It holds what a death of the server must not take along: the listening
// socket, descriptors that the server has it keep (connections of containerd, streams of processes, masters of kept), and
// the parentage of containers, whose exit codes only their parent learns. It has no JavaScript and no state that could grow: about as much memory as an empty process.
//
// It talks with the server over a socket of packets, each a line of text:
//   keeper: EXIT <pid> <start time> <code> <ns since 1970>   an orphan has ended; repeated to the next server until DONE
//           KEPT <key>, with a descriptor                    what an earlier server has left with KEEP
//           END                                              once, after what there was when the server was started
//   server: DONE <pid> <start time>
//           KEEP <key>, with a descriptor
//           DROP <key>
#include "keeper.h"
#include "native.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  MAX_LINE = 512,
  MAX_EXITS = 4096,
  MAX_KEPT = 65536,
  LISTENER = 3,
  CHANNEL = 4,
  // A server that dies sooner than this is not started again at once.
  HEALTHY_MS = 1000,
  MAX_PAUSE_MS = 1000,
  STOP_MS = 5000,
};

// What the server is to be told; `fd` is what is kept, else -1.
struct item {
  struct item *next;
  int fd;
  bool sent;
  char line[];
};

static struct item *items;
static int exits, kept;
static bool told_all;
static int channel = -1, listener = -1, signals = -1;
static pid_t server;
static int server_status;
static bool stopping;

static void say(const char *what, int number) {
  char line[160];
  int length = snprintf(line, sizeof line, "kuasar-task keeper: %s %d\n", what, number);
  log_bytes(line, (size_t)length);
}

// ------------------------------------------------------------------------------------------------ what is kept

// Takes over `fd`. Returns NULL where there is no memory.
static struct item *add_item(const char *line, int fd) {
  struct item *item = malloc(sizeof *item + strlen(line) + 1), **last = &items;
  if (!item) {
    if (fd >= 0) close(fd);
    return NULL;
  }
  *item = (struct item){.fd = fd};
  strcpy(item->line, line);
  while (*last) last = &(*last)->next;
  *last = item;
  (fd < 0 ? exits++ : kept++);
  return item;
}

// Forgets the items whose line begins with `prefix`, up to a space or its end.
static void drop_items(const char *prefix) {
  size_t length = strlen(prefix);
  for (struct item **at = &items; *at;) {
    struct item *item = *at;
    if (strncmp(item->line, prefix, length) || (item->line[length] && item->line[length] != ' ')) {
      at = &item->next;
      continue;
    }
    *at = item->next;
    if (item->fd >= 0) close(item->fd);
    (item->fd < 0 ? exits-- : kept--);
    free(item);
  }
}

static int send_item(const struct item *item) {
  struct iovec part = {(void *)item->line, strlen(item->line)};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (item->fd >= 0) {
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(header), &item->fd, sizeof(int));
  }
  return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

// Tells the server what it does not know yet. Returns whether something is left because it does not read.
static bool tell_server(void) {
  if (channel < 0) return false;
  for (struct item *item = items; item; item = item->next) {
    if (item->sent) continue;
    if (send_item(item)) return errno == EAGAIN;
    item->sent = true;
  }
  if (told_all) return false;
  if (send(channel, "END", 3, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return errno == EAGAIN;
  told_all = true;
  return false;
}

// One packet of the server's. Returns false when there is none.
static bool hear_server(void) {
  char line[MAX_LINE + 1];
  struct iovec part = {line, MAX_LINE};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  // Exactly one descriptor's length: with the padding there would be room for a second, which nobody would ever close.
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = CMSG_LEN(sizeof(int))};
  ssize_t length = recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return false;
  line[length] = 0;
  int fd = -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(header), sizeof fd);
  // The end of the channel reads as empty too, and an empty packet may have brought a descriptor.
  if (!length) return fd >= 0 && !close(fd);
  char own[MAX_LINE + 16];
  if (!strncmp(line, "DONE ", 5)) {
    snprintf(own, sizeof own, "EXIT %s", line + 5);
    drop_items(own);
  } else if (!strncmp(line, "DROP ", 5) || !strncmp(line, "KEEP ", 5)) {
    snprintf(own, sizeof own, "KEPT %s", line + 5);
    drop_items(own);
    if (line[0] == 'K' && fd >= 0 && kept < MAX_KEPT) {
      struct item *item = add_item(own, fd);
      fd = -1;
      // This server has it; only the next one is to be told.
      if (item) item->sent = true;
    }
  }
  if (fd >= 0) close(fd);
  return true;
}

// ------------------------------------------------------------------------------------------------ orphans

// Field 22 of /proc/<pid>/stat, which is there until the process is reaped; 0 where it cannot be read.
static unsigned long long start_time(pid_t pid) {
  char path[40], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  text[length] = 0;
  char *at = strrchr(text, ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  return at ? strtoull(at + 1, NULL, 10) : 0;
}

static void note_exit(pid_t pid, int status) {
  struct timespec now;
  char line[160];
  clock_gettime(CLOCK_REALTIME, &now);
  int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  snprintf(line, sizeof line, "EXIT %d %llu %d %lld%09ld", pid, start_time(pid), code, (long long)now.tv_sec, now.tv_nsec);
  // The oldest are first; nobody has asked for them in all that time.
  while (exits >= MAX_EXITS) {
    struct item *item = items;
    while (item && item->fd >= 0) item = item->next;
    char oldest[MAX_LINE];
    snprintf(oldest, sizeof oldest, "%s", item ? item->line : "");
    drop_items(oldest);
  }
  add_item(line, -1);
}

static void reap(void) {
  for (;;) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid) return;
    pid_t pid = info.si_pid;
    int status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
    if (pid == server) {
      server = 0;
      server_status = status;
    } else {
      // Before it is reaped, while its start time can still be read.
      note_exit(pid, status);
    }
    waitpid(pid, NULL, 0);
  }
}

// ------------------------------------------------------------------------------------------------ the server

// Returns whether there is one; there may be later where memory or descriptors have run out.
static bool start_server(char **argv) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return say("cannot make a socket: error", errno), false;
  channel = pair[0];
  told_all = false;
  for (struct item *item = items; item; item = item->next) item->sent = false;
  // It must know of all exits before it looks at its containers.
  tell_server();
  pid_t keeper = getpid();
  server = fork();
  if (server) {
    if (server < 0) say("cannot fork: error", errno);
    close(pair[1]);
    return server > 0;
  }
  // First out of the way: either may have the other's number.
  int listening = fcntl(listener, F_DUPFD_CLOEXEC, CHANNEL + 1), other = fcntl(pair[1], F_DUPFD_CLOEXEC, CHANNEL + 1);
  if (listening < 0 || other < 0 || dup2(listening, LISTENER) < 0 || dup2(other, CHANNEL) < 0) _exit(71);
  setenv("LISTEN_FDS", "1", 1);
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDNAMES");
  setenv(KEEPER_VARIABLE, "4", 1);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  // Alone it could not be told from the next keeper's server.
  prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  if (getppid() != keeper) _exit(71);
  execv("/proc/self/exe", argv);
  _exit(71);
}

static long long now_in_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void take_signals(void) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGCHLD) continue;
    stopping = true;
    if (server > 0) kill(server, SIGTERM);
  }
  reap();
}

// Works until something has happened, at most `timeout` ms.
static void turn(int timeout) {
  bool more = tell_server();
  struct pollfd fds[] = {{signals, POLLIN, 0}, {channel, (short)(POLLIN | (more ? POLLOUT : 0)), 0}};
  if (poll(fds, channel < 0 ? 1 : 2, timeout) <= 0) return;
  if (fds[0].revents) take_signals();
  if (channel < 0 || !fds[1].revents) return;
  while (hear_server()) {
  }
  // It has died or is about to.
  if (fds[1].revents & (POLLHUP | POLLERR)) {
    close(channel);
    channel = -1;
  }
}

static int listen_at(const char *run_dir) {
  char path[256];
  snprintf(path, sizeof path, "%s", run_dir);
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(path, 0755);
    *at = '/';
  }
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/task.sock", run_dir);
  int failed = listen_unix(path, 0600, 512, &listener);
  if (!failed) return 0;
  char line[400];
  int length = snprintf(line, sizeof line, "kuasar-task: Cannot listen on %s: %s\n", path, strerror(failed));
  log_bytes(line, (size_t)length);
  return -1;
}

static const char *run_dir_of(int argc, char **argv) {
  static const char flag[] = "--run-dir";
  const char *found = "/run/kuasar";
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], flag, sizeof flag - 1)) continue;
    if (argv[i][sizeof flag - 1] == '=') found = argv[i] + sizeof flag;
    else if (!argv[i][sizeof flag - 1] && i + 1 < argc) found = argv[i + 1];
  }
  return found;
}

bool keeper_wanted(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/');
  if (strcmp(slash ? slash + 1 : argv[0], "kuasar-task") || getenv(KEEPER_VARIABLE)) return false;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return false;
  }
  return true;
}

int keeper_main(int argc, char **argv) {
  const char *inherited = getenv("LISTEN_FDS");
  prctl(PR_SET_NAME, "kuasar-keeper", 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  sigset_t taken;
  sigemptyset(&taken);
  sigaddset(&taken, SIGCHLD);
  sigaddset(&taken, SIGTERM);
  sigaddset(&taken, SIGINT);
  sigprocmask(SIG_BLOCK, &taken, NULL);
  signals = signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
  if (inherited && atoi(inherited) >= 1) {
    listener = LISTENER;
    fcntl(LISTENER, F_SETFD, FD_CLOEXEC);
  } else if (listen_at(run_dir_of(argc, argv))) {
    return 1;
  }
  struct rlimit files;
  if (!getrlimit(RLIMIT_NOFILE, &files)) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int pause_ms = 0;
  while (!stopping) {
    long long began = now_in_ms();
    server_status = 0;
    bool started = start_server(argv);
    long long stop_by = 0;
    while (server > 0) {
      if (stopping && !stop_by) stop_by = now_in_ms() + STOP_MS;
      // One that hangs would keep its sockets, and the next keeper would not get them.
      if (stop_by && now_in_ms() >= stop_by) kill(server, SIGKILL);
      turn(stopping ? STOP_MS : -1);
    }
    if (channel >= 0) close(channel);
    channel = -1;
    if (stopping) break;
    if (started) {
      // What it refuses, it will refuse again: the reason is on stderr, and whoever started us sees the code.
      if (WIFEXITED(server_status) && WEXITSTATUS(server_status) <= 2) return WEXITSTATUS(server_status);
      say(WIFSIGNALED(server_status) ? "starting the server again, it was ended by signal" : "starting the server again, it ended with code",
          WIFSIGNALED(server_status) ? WTERMSIG(server_status) : WEXITSTATUS(server_status));
    }
    pause_ms = now_in_ms() - began >= HEALTHY_MS ? 0 : pause_ms ? (pause_ms * 2 > MAX_PAUSE_MS ? MAX_PAUSE_MS : pause_ms * 2) : 10;
    for (long long until = now_in_ms() + pause_ms; !stopping && now_in_ms() < until;) turn((int)(until - now_in_ms()) + 1);
  }
  return 0;
}
