// file_probe VERB PATH...: what containers of one pod see of each other's files, and what POSIX promises of a single one.
//   listen PATH      accepts one connection, says "hello" on it, and ends
//   connect PATH     prints what it is told
//   lock PATH        takes an exclusive flock, prints "locked", and keeps it until its stdin ends
//   try-lock PATH    prints "locked", or why not
//   watch DIRECTORY  prints "watching", then the names of files, one on each line, as they appear in the directory, to one named "end"
//   unlinked PATH    prints what is left of a file that is open and has no name any more
//   map PATH         changes a file by a shared mapping
//   capability PATH  gives a program the file capability cap_net_bind_service
//   bind-80          prints "bound", or why a socket cannot have port 80
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int failed(const char *what) {
  printf("%s: %s\n", what, strerrorname_np(errno));
  return 1;
}

static struct sockaddr_un named(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  return address;
}

static int listening(const char *path) {
  struct sockaddr_un address = named(path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1)) return failed("listen");
  puts("listening");
  fflush(stdout);
  int peer = accept(fd, NULL, NULL);
  if (peer < 0 || write(peer, "hello\n", 6) != 6) return failed("accept");
  return 0;
}

static int connecting(const char *path) {
  struct sockaddr_un address = named(path);
  char text[16] = "";
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) return failed("connect");
  if (read(fd, text, sizeof text - 1) < 0) return failed("read");
  fputs(text, stdout);
  return 0;
}

static int locking(const char *path, int wait) {
  int fd = open(path, O_RDWR | O_CREAT, 0666);
  if (fd < 0) return failed("open");
  if (flock(fd, LOCK_EX | LOCK_NB)) return failed("flock");
  puts("locked");
  fflush(stdout);
  char byte;
  while (wait && read(0, &byte, 1) > 0) continue;
  return 0;
}

static int watching(const char *path) {
  int fd = inotify_init();
  if (fd < 0 || inotify_add_watch(fd, path, IN_CREATE) < 0) return failed("watch");
  puts("watching");
  fflush(stdout);
  for (;;) {
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) return failed("read");
    for (ssize_t at = 0; at < n;) {
      struct inotify_event *event = (void *)(buffer + at);
      puts(event->name);
      fflush(stdout);
      if (!strcmp(event->name, "end")) return 0;
      at += (ssize_t)sizeof *event + event->len;
    }
  }
  return 0;
}

static int unlinked(const char *path) {
  struct stat st;
  char text[8] = "";
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || write(fd, "0123456789", 10) != 10) return failed("write");
  if (unlink(path)) return failed("unlink");
  if (ftruncate(fd, 4)) return failed("ftruncate");
  if (fchmod(fd, 0640)) return failed("fchmod");
  if (fchown(fd, 7, 8)) return failed("fchown");
  if (fstat(fd, &st)) return failed("fstat");
  if (pread(fd, text, 7, 0) < 0) return failed("read");
  printf("%s %ld %o %u:%u %lu\n", text, (long)st.st_size, st.st_mode & 07777, st.st_uid, st.st_gid, (unsigned long)st.st_nlink);
  return 0;
}

static int mapping(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT, 0666);
  if (fd < 0 || ftruncate(fd, 4096)) return failed("open");
  char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return failed("mmap");
  memcpy(at, "mapped\n", 7);
  if (msync(at, 4096, MS_SYNC)) return failed("msync");
  puts("mapped");
  return 0;
}

static int capable(const char *path) {
  struct vfs_cap_data data = {
    .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
    .data = {{.permitted = 1 << CAP_NET_BIND_SERVICE}},
  };
  if (setxattr(path, "security.capability", &data, sizeof data, 0)) return failed("setxattr");
  puts("capable");
  return 0;
}

static int binding(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(80)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) return failed("bind");
  puts("bound");
  return 0;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
  if (!strcmp(verb, "listen")) return listening(path);
  if (!strcmp(verb, "connect")) return connecting(path);
  if (!strcmp(verb, "lock")) return locking(path, 1);
  if (!strcmp(verb, "try-lock")) return locking(path, 0);
  if (!strcmp(verb, "watch")) return watching(path);
  if (!strcmp(verb, "unlinked")) return unlinked(path);
  if (!strcmp(verb, "map")) return mapping(path);
  if (!strcmp(verb, "capability")) return capable(path);
  if (!strcmp(verb, "bind-80")) return binding();
  fprintf(stderr, "usage: %s VERB PATH\n", argv[0]);
  return 2;
}
