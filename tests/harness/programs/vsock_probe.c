// vsock_probe OWN_CID PORT...: what a process without any privilege gets of the machine's vsock: the loopback's CID, the host's
// and its own, each on every port, all at once. One line for each: why there is no connection, or whether the peer keeps it.
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// A peer that closes may take its time to find out that nothing comes; one that does not answer at all is not waited for so long.
enum { MAX_PROBES = 96, CONNECT_S = 15, PATIENCE_S = 120 };

struct probe {
  unsigned cid, port;
  int fd;
  bool connected;
  const char *result;
};

static void start(struct probe *p) {
  p->fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (p->fd < 0) {
    p->result = strerrorname_np(errno);
    return;
  }
  struct timeval patience = {.tv_sec = CONNECT_S};
  setsockopt(p->fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &patience, sizeof patience);
  struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = p->cid, .svm_port = p->port};
  if (connect(p->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) p->result = strerrorname_np(errno);
}

static void go_on(struct probe *p) {
  if (!p->connected) {
    int failed = 0;
    getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &failed, &(socklen_t){sizeof failed});
    if (failed) p->result = strerrorname_np(failed);
    p->connected = true;
    return;
  }
  char byte;
  ssize_t got = recv(p->fd, &byte, 1, 0);
  if (got < 0 && errno == EAGAIN) return;
  p->result = got > 0 ? "OPEN" : "closed";
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const unsigned cids[] = {VMADDR_CID_LOCAL, VMADDR_CID_HOST, (unsigned)atoi(argv[1])};
  static struct probe probes[MAX_PROBES];
  int count = 0;
  for (int i = 0; i < 3; i++) {
    for (int port = 2; port < argc && count < MAX_PROBES; port++) {
      probes[count] = (struct probe){.cid = cids[i], .port = (unsigned)atoi(argv[port])};
      start(&probes[count++]);
    }
  }
  for (time_t begin = time(NULL); time(NULL) < begin + PATIENCE_S;) {
    struct pollfd waits[MAX_PROBES];
    struct probe *of[MAX_PROBES];
    nfds_t open = 0;
    for (struct probe *p = probes; p < probes + count; p++) {
      if (p->result || (!p->connected && time(NULL) >= begin + CONNECT_S)) continue;
      of[open] = p;
      waits[open++] = (struct pollfd){.fd = p->fd, .events = p->connected ? POLLIN : POLLOUT};
    }
    if (open == 0) break;
    poll(waits, open, 1000);
    for (nfds_t i = 0; i < open; i++) {
      if (waits[i].revents) go_on(of[i]);
    }
  }
  for (struct probe *p = probes; p < probes + count; p++) {
    printf("%u:%u %s\n", p->cid, p->port, p->result ? p->result : p->connected ? "OPEN" : "unanswered");
  }
  return 0;
}
