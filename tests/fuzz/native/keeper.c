// The keeper's parsers: packets of the task server, and a line of /proc/PID/stat.
#include "fuzz.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int stat_file(void);
#define keeper_wanted fuzzed_keeper_wanted
#define keeper_main fuzzed_keeper_main
#define open(...) stat_file()
#include "../../../guest/native/keeper.c"
#undef open

static const uint8_t *stat_text;
static size_t stat_length;

// Takes the place of the file of a process.
static int stat_file(void) {
  int fd = memfd_create("stat", MFD_CLOEXEC);
  if (fd >= 0 && (write(fd, stat_text, stat_length) < 0 || lseek(fd, 0, SEEK_SET))) fuzz_fault("no room for a file");
  return fd;
}

unsigned long long fuzz_keeper_reads(const uint8_t *stat, size_t length) {
  stat_text = stat;
  stat_length = length;
  return start_time(1);
}

// The lowest number that is free: all below are in use.
static int next_fd(void) {
  int fd = dup(0);
  close(fd);
  return fd;
}

static int count_items(void) {
  int count = 0;
  for (struct item *item = items; item; item = item->next) count++;
  return count;
}

enum { MAX_SENT = 3 };

static void send_packet(int socket, const uint8_t *text, size_t length, int fds) {
  struct iovec part = {(void *)text, length};
  union {
    char room[CMSG_SPACE(MAX_SENT * sizeof(int))];
    struct cmsghdr align;
  } control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (fds) {
    message.msg_control = control.room;
    message.msg_controllen = CMSG_SPACE((size_t)fds * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)fds * sizeof(int))};
    // Copies of stdin: descriptors like any other.
    memset(CMSG_DATA(header), 0, (size_t)fds * sizeof(int));
  }
  sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void fuzz_keeper_hears(const uint8_t *packets, size_t length) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) fuzz_fault("no sockets");
  int before = next_fd();
  channel = pair[0];
  for (size_t at = 0; at + 2 <= length;) {
    int fds = packets[at] % (MAX_SENT + 1);
    size_t wanted = packets[at + 1] * 3U, left = length - at - 2, size = wanted < left ? wanted : left;
    send_packet(pair[1], packets + at + 2, size, fds);
    at += 2 + size;
    hear_server();
    if (count_items() != kept + exits) fuzz_fault("the keeper has miscounted");
  }
  // What the next server is told, packet by packet.
  told_all = false;
  for (struct item *item = items; item; item = item->next) item->sent = false;
  while (tell_server()) {
    char line[MAX_LINE + 16];
    recv(pair[1], line, sizeof line, 0);
  }
  while (items) {
    char line[MAX_LINE + 16];
    snprintf(line, sizeof line, "%s", items->line);
    int had = count_items();
    drop_items(line);
    if (count_items() >= had) fuzz_fault("what is kept cannot be dropped");
  }
  if (kept || exits) fuzz_fault("the keeper counts what it does not have");
  if (next_fd() != before) fuzz_fault("a descriptor is left");
  close(pair[0]);
  close(pair[1]);
  channel = -1;
}
