// The greeter, `kuasar-greeter <socket> <command>...` as the agent's arguments: becomes the command, a service that serves gRPC on the inherited
// listening socket of that name. A process beside it greets the clients until the service can.
//
// containerd gives a connection one second for the server's first frame, SETTINGS, and fails all calls for as long again if it
// does not come; with that frame it waits as long as each call may. A service that is starting on a busy host takes longer
// than a second to load; this takes milliseconds (docs/decisions/greeted-connections.md).
//
// Each greeted connection is sent to the service over a socket of packets, one with each byte. The service sends a byte when it
// is about to accept by itself; then the greeter ends, and the end of the channel is the end of what it sent.
#include "greeter.h"
#include "native.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  FIRST_INHERITED = 3,
  // Far more than anybody hands over.
  MAX_INHERITED = 1024,
  LISTENER = 3,
  CHANNEL = 4,
  // How long the service may wait for the greeter's end.
  TIMEOUT_S = 10,
};

// An empty SETTINGS frame (RFC 9113, 3.4 and 6.5).
static const unsigned char settings[9] = {0, 0, 0, 4};

// The inherited descriptor of a name (sd_listen_fds_with_names(3)), or -1.
static int inherited(const char *name) {
  const char *count = getenv("LISTEN_FDS"), *names = getenv("LISTEN_FDNAMES"), *pid = getenv("LISTEN_PID");
  if (!count || !names || (pid && atoi(pid) != getpid())) return -1;
  size_t length = strlen(name);
  int handed = atoi(count), fd = FIRST_INHERITED, end = fd + (handed > MAX_INHERITED ? MAX_INHERITED : handed);
  for (const char *at = names; fd < end; fd++) {
    if (!strncmp(at, name, length) && (!at[length] || at[length] == ':')) return fd;
    at = strchr(at, ':');
    if (!at++) break;
  }
  return -1;
}

// Sends a connection to the service. Waits while it has too many that it has not taken.
static bool send_connection(int connection) {
  char byte = 0;
  struct iovec part = {&byte, 1};
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  memcpy(CMSG_DATA(header), &connection, sizeof(int));
  return sendmsg(CHANNEL, &message, MSG_NOSIGNAL) == 1;
}

static void greet(void) {
  for (;;) {
    struct pollfd fds[] = {{CHANNEL, POLLIN, 0}, {LISTENER, POLLIN, 0}};
    if (poll(fds, COUNT(fds), -1) < 0 && errno != EINTR) return;
    // The service takes over or is gone.
    if (fds[0].revents) return;
    if (!fds[1].revents) continue;
    int connection = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    // The first bytes of a connection always have room.
    bool sent = send(connection, settings, sizeof settings, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ? send_connection(connection) : true;
    close(connection);
    if (!sent) return;
  }
}

// Keeps nothing that is inherited but the two, so that nobody waits for the end of what only this process still holds.
static bool keep_only(int listener, int channel) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int own[] = {fcntl(listener, F_DUPFD, CHANNEL + 1), fcntl(channel, F_DUPFD, CHANNEL + 1)};
  if (null < 0 || own[0] < 0 || own[1] < 0) return false;
  for (int fd = 0; fd < FIRST_INHERITED; fd++) dup2(null, fd);
  if (dup2(own[0], LISTENER) < 0 || dup2(own[1], CHANNEL) < 0) return false;
  close_range(CHANNEL + 1, ~0U, 0);
  // The service sets this too, and an accept that blocks would not hear of its end.
  return !fcntl(LISTENER, F_SETFL, fcntl(LISTENER, F_GETFL) | O_NONBLOCK);
}

// Starts the greeter as nobody's child, so that the service need not wait for it. Returns the service's end of the channel or -1.
static int start_greeter(int listener) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) return -1;
  pid_t child = fork();
  if (!child) {
    if (fork()) _exit(0);
    prctl(PR_SET_NAME, "kuasar-greeter", 0, 0, 0);
    if (keep_only(listener, pair[0])) {
      greet();
      // An end without having read what the service sends would be an error to it.
      char byte;
      recv(CHANNEL, &byte, 1, 0);
    }
    _exit(0);
  }
  close(pair[0]);
  if (child > 0) waitpid(child, NULL, 0);
  struct timeval timeout = {.tv_sec = TIMEOUT_S};
  setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  fcntl(pair[1], F_SETFD, 0);
  return pair[1];
}

bool greeter_main(int argc, char **argv, int *code) {
  if (argc < 4 || strcmp(argv[1], "kuasar-greeter")) return false;
  const char *socket = argv[2];
  char **command = argv + 3;
  int listener = inherited(socket);
  // Without it the service would only be later.
  int channel = listener < 0 ? -1 : start_greeter(listener);
  if (channel >= 0) {
    char value[128];
    snprintf(value, sizeof value, "%s:%d", socket, channel);
    setenv(GREETER_VARIABLE, value, 1);
  }
  execvp(command[0], command);
  char line[400];
  int length = snprintf(line, sizeof line, "kuasar-greeter: Cannot run %s: %s\n", command[0], strerror(errno));
  log_bytes(line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
  *code = 1;
  return true;
}
