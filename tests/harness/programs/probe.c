// probe NAME [ARG...]: what a program gets of the kernel, a line for each call: its value, or the name of its error.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void say(const char *what, long value) {
  if (value < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: %ld\n", what, value);
}

static void told(const char *what, long value) {
  if (value < 0) printf("%s: %s\n", what, strerrorname_np(errno));
  else printf("%s: ok\n", what);
}

static void put(int fd, const char *text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) say("write", -1);
}

static const char *get(int fd, off_t at) {
  static char text[256];
  ssize_t got = pread(fd, text, sizeof text - 1, at);
  text[got < 0 ? 0 : got] = 0;
  return got < 0 ? strerrorname_np(errno) : text;
}

static int fresh(const char *path) {
  unlink(path);
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
  if (fd < 0) say(path, fd);
  return fd;
}

// Files. Each works in the current directory.

static void unlinked(void) {
  int fd = fresh("unlinked");
  put(fd, "0123456789");
  told("unlink", unlink("unlinked"));
  told("ftruncate", ftruncate(fd, 4));
  told("fchmod", fchmod(fd, 0600));
  told("fchown", fchown(fd, 1000, 1000));
  told("futimens", futimens(fd, (struct timespec[]){{.tv_sec = 1}, {.tv_sec = 2}}));
  struct stat st;
  told("fstat", fstat(fd, &st));
  printf("size %ld mode %o uid %u links %lu mtime %ld\n", (long)st.st_size, st.st_mode & 07777, st.st_uid, (unsigned long)st.st_nlink, (long)st.st_mtime);
  printf("text %s\n", get(fd, 0));
  told("fallocate", fallocate(fd, 0, 0, 8192));
  fstat(fd, &st);
  printf("size %ld\n", (long)st.st_size);
  told("fsetxattr", fsetxattr(fd, "trusted.x", "1", 1, 0));
}

static void tmpfile_link(void) {
  int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  told("O_TMPFILE", fd);
  if (fd < 0) return;
  put(fd, "anonymous");
  unlink("named");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  told("linkat", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  int other = open("named", O_RDONLY);
  printf("text %s\n", get(other, 0));
}

static void renames(void) {
  close(fresh("a"));
  close(fresh("b"));
  told("RENAME_NOREPLACE", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE));
  int a = open("a", O_WRONLY);
  put(a, "was a");
  told("RENAME_EXCHANGE", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
  int b = open("b", O_RDONLY);
  printf("b has %s\n", get(b, 0));
  mkdir("d1", 0755);
  mkdir("d1/x", 0755);
  mkdir("d2", 0755);
  told("onto a full directory", rename("d2", "d1"));
  told("into itself", rename("d1", "d1/x/y"));
  told("file onto directory", rename("a", "d2"));
  told("directory onto file", rename("d2", "a"));
}

static void holes(void) {
  int fd = fresh("holes");
  told("ftruncate", ftruncate(fd, 1 << 20));
  pwrite(fd, "x", 1, 512 << 10);
  say("SEEK_DATA", lseek(fd, 0, SEEK_DATA));
  say("SEEK_HOLE", lseek(fd, 512 << 10, SEEK_HOLE));
  told("punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 512 << 10, 4096));
  say("SEEK_DATA", lseek(fd, 0, SEEK_DATA));
  told("zero range", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096));
  struct stat st;
  fstat(fd, &st);
  printf("size %ld\n", (long)st.st_size);
}

static void mapping(void) {
  int fd = fresh("mapped");
  ftruncate(fd, 4096);
  char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) return say("mmap", -1);
  strcpy(map, "by the mapping");
  printf("read: %s\n", get(fd, 0));
  pwrite(fd, "by write      ", 14, 0);
  printf("mapping: %s\n", map);
  int other = open("mapped", O_RDONLY);
  char *second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, 0);
  strcpy(map, "seen by both");
  printf("second: %s\n", second == MAP_FAILED ? "no mapping" : second);
  told("msync", msync(map, 4096, MS_SYNC));
  char *none = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
  told("writable mapping of a file opened to be read", none == MAP_FAILED ? -1 : 0);
}

static void locks(void) {
  int fd = fresh("locked");
  told("flock", flock(fd, LOCK_EX | LOCK_NB));
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  fflush(stdout);
  if (fork() == 0) {
    int mine = open("locked", O_RDWR);
    told("flock of another", flock(mine, LOCK_EX | LOCK_NB));
    told("shared flock of another", flock(mine, LOCK_SH | LOCK_NB));
    told("record lock of another", fcntl(mine, F_SETLK, &whole));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  told("record lock", fcntl(fd, F_SETLK, &whole));
  fflush(stdout);
  if (fork() == 0) {
    int mine = open("locked", O_RDWR);
    struct flock asked = whole;
    told("F_GETLK", fcntl(mine, F_GETLK, &asked));
    printf("held: %s, by my parent: %s\n", asked.l_type == F_UNLCK ? "no" : "yes", asked.l_pid == getppid() ? "yes" : "no");
    told("record lock of another", fcntl(mine, F_SETLK, &whole));
    struct flock open_file = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    told("open file lock of another", fcntl(mine, F_OFD_SETLK, &open_file));
    fflush(stdout);
    _exit(0);
  }
  wait(NULL);
  told("lease", fcntl(fd, F_SETLEASE, F_WRLCK));
}

static void notify(void) {
  int fd = inotify_init1(IN_NONBLOCK);
  mkdir("watched", 0755);
  unlink("watched/f");
  unlink("watched/g");
  told("watch", inotify_add_watch(fd, "watched", IN_ALL_EVENTS));
  int file = open("watched/f", O_CREAT | O_WRONLY, 0644);
  put(file, "x");
  close(file);
  rename("watched/f", "watched/g");
  chmod("watched/g", 0600);
  unlink("watched/g");
  _Alignas(struct inotify_event) char events[4096];
  for (ssize_t got; (got = read(fd, events, sizeof events)) > 0;) {
    for (char *at = events; at < events + got;) {
      const struct inotify_event *event = (void *)at;
      printf("%x %s\n", event->mask, event->len ? event->name : "");
      at += sizeof *event + event->len;
    }
  }
}

static void xattrs(void) {
  int fd = fresh("attributes");
  told("user", fsetxattr(fd, "user.colour", "green", 5, 0));
  char value[64];
  say("get", getxattr("attributes", "user.colour", value, sizeof value));
  told("create again", setxattr("attributes", "user.colour", "red", 3, XATTR_CREATE));
  told("replace none", setxattr("attributes", "user.other", "red", 3, XATTR_REPLACE));
  say("list", listxattr("attributes", value, sizeof value));
  told("remove", removexattr("attributes", "user.colour"));
  say("get", getxattr("attributes", "user.colour", value, sizeof value));
  told("trusted", setxattr("attributes", "trusted.x", "1", 1, 0));
  told("unknown", setxattr("attributes", "unknown.x", "1", 1, 0));
}

static void opens(void) {
  close(fresh("there"));
  unlink("link");
  symlink("there", "link");
  unlink("far");
  symlink("/etc/passwd", "far");
  told("O_NOFOLLOW", open("link", O_RDONLY | O_NOFOLLOW));
  told("O_EXCL", open("link", O_RDWR | O_CREAT | O_EXCL, 0600));
  told("O_DIRECTORY", open("there", O_RDONLY | O_DIRECTORY));
  told("a directory to write", open(".", O_WRONLY));
  int path = open("there", O_PATH);
  char byte;
  told("read of O_PATH", read(path, &byte, 1));
  told("as if a directory", open("there/x", O_RDONLY));
  told("O_TRUNC of a directory", open(".", O_RDONLY | O_TRUNC));
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS};
  told("openat2 without links", syscall(SYS_openat2, AT_FDCWD, "link", &how, sizeof how));
  how.resolve = RESOLVE_BENEATH;
  told("openat2 beneath", syscall(SYS_openat2, AT_FDCWD, "far", &how, sizeof how));
  char name[300];
  memset(name, 'n', sizeof name);
  name[256] = 0;
  told("256 characters", open(name, O_CREAT | O_RDWR, 0600));
  name[255] = 0;
  told("255 characters", open(name, O_CREAT | O_RDWR, 0600));
  unlink(name);
  told("a null byte's path", open("", O_RDONLY));
}

static void append(void) {
  enum { WRITERS = 4, LINES = 200 };
  close(fresh("appended"));
  for (int i = 0; i < WRITERS; i++) {
    if (fork() != 0) continue;
    int fd = open("appended", O_WRONLY | O_APPEND);
    for (int line = 0; line < LINES; line++) put(fd, "0123456789abcde\n");
    _exit(0);
  }
  while (wait(NULL) > 0) {}
  struct stat st;
  stat("appended", &st);
  say("bytes", st.st_size);
}

static void copies(void) {
  int from = fresh("from"), to = fresh("to");
  put(from, "0123456789");
  off_t at = 2;
  say("sendfile", sendfile(to, from, &at, 4));
  loff_t in = 0;
  say("copy_file_range", copy_file_range(from, &in, to, NULL, 3, 0));
  int ends[2];
  pipe(ends);
  loff_t off = 8;
  say("splice in", splice(from, &off, ends[1], NULL, 2, 0));
  say("splice out", splice(ends[0], NULL, to, NULL, 2, 0));
  printf("text %s\n", get(to, 0));
  told("fsync", fsync(to));
  told("fdatasync", fdatasync(to));
  int dir = open(".", O_RDONLY);
  told("fsync of a directory", fsync(dir));
  told("syncfs", syncfs(to));
}

static void times(void) {
  int fd = fresh("times");
  told("utimensat", utimensat(AT_FDCWD, "times", (struct timespec[]){{1000000000, 123456789}, {1500000000, 987654321}}, 0));
  struct stat st;
  fstat(fd, &st);
  printf("%ld.%09ld %ld.%09ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  told("omit", utimensat(AT_FDCWD, "times", (struct timespec[]){{0, UTIME_OMIT}, {7, 0}}, 0));
  fstat(fd, &st);
  printf("%ld %ld\n", (long)st.st_atim.tv_sec, (long)st.st_mtim.tv_sec);
  struct statx sx;
  told("statx", statx(AT_FDCWD, "times", 0, STATX_BASIC_STATS, &sx));
  printf("before 1970: ");
  told("utimensat", utimensat(AT_FDCWD, "times", (struct timespec[]){{-5, 0}, {-5, 0}}, 0));
  fstat(fd, &st);
  printf("%ld\n", (long)st.st_mtim.tv_sec);
}

static void many(void) {
  mkdir("many", 0755);
  char name[64];
  for (int i = 0; i < 500; i++) {
    snprintf(name, sizeof name, "many/%d", i);
    close(open(name, O_CREAT | O_WRONLY, 0644));
  }
  FILE *list = popen("ls many | wc -l; rm -r many; ls many 2>&1 | wc -l", "r");
  while (fgets(name, sizeof name, list)) printf("%s", name);
  pclose(list);
}

static void big(void) {
  int fd = fresh("big");
  say("at 5 GiB", pwrite(fd, "x", 1, 5LL << 30));
  struct stat st;
  fstat(fd, &st);
  printf("size %lld, few blocks: %s\n", (long long)st.st_size, st.st_blocks < 1024 ? "yes" : "no");
  told("negative size", ftruncate(fd, -1));
}

static void memfd(void) {
  int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  told("memfd", fd);
  put(fd, "text");
  told("seal", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW));
  told("write", pwrite(fd, "x", 1, 0));
  told("grow", ftruncate(fd, 100));
  told("shrink", ftruncate(fd, 1));
}

static void direct(void) {
  int fd = open("direct", O_CREAT | O_RDWR | O_DIRECT, 0600);
  told("O_DIRECT", fd);
  char *buffer = aligned_alloc(4096, 4096);
  memset(buffer, 'd', 4096);
  if (fd >= 0) {
    say("write", write(fd, buffer, 4096));
    say("read", pread(fd, buffer, 4096, 0));
  }
}

static void fifo_and_socket(void) {
  unlink("fifo");
  told("mkfifo", mkfifo("fifo", 0600));
  told("open without a reader", open("fifo", O_WRONLY | O_NONBLOCK));
  int both = open("fifo", O_RDWR);
  put(both, "piped");
  char text[16] = "";
  say("read", read(both, text, sizeof text - 1));
  unlink("socket");
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  told("bind", bind(server, (void *)&address, sizeof address));
  told("bind again", bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address));
  told("listen", listen(server, 5));
  told("connect", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address));
  close(server);
  told("connect after the end", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address));
}

// Processes.

static void namespaces(void) {
  static const struct { const char *name; int flag; } all[] = {
    {"mount", CLONE_NEWNS}, {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS},
    {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP},
  };
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
    fflush(stdout);
    if (fork() == 0) {
      told(all[i].name, unshare(all[i].flag));
      fflush(stdout);
      _exit(0);
    }
    wait(NULL);
  }
}

static void orphan(void) {
  int ends[2];
  pipe(ends);
  fflush(stdout);
  if (fork() == 0) {
    if (fork() == 0) {
      // Until the parent is gone.
      while (getppid() != 1 && usleep(1000) == 0) {}
      dprintf(ends[1], "parent %d\n", getppid());
      _exit(0);
    }
    _exit(0);
  }
  wait(NULL);
  close(ends[1]);
  char text[64] = "";
  read(ends[0], text, sizeof text - 1);
  printf("%s", text);
}

static void subreaper(void) {
  told("subreaper", prctl(PR_SET_CHILD_SUBREAPER, 1));
  fflush(stdout);
  if (fork() == 0) {
    if (fork() == 0) {
      usleep(10000);
      _exit(7);
    }
    _exit(3);
  }
  int first = 0, second = 0;
  wait(&first);
  wait(&second);
  printf("child %d, grandchild %d\n", WEXITSTATUS(first), WEXITSTATUS(second));
}

static void pidfds(void) {
  pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  int fd = (int)syscall(SYS_pidfd_open, child, 0);
  told("pidfd_open", fd);
  if (fd < 0) {
    kill(child, SIGKILL);
    return;
  }
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  say("poll while it runs", poll(&wanted, 1, 0));
  told("pidfd_send_signal", syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
  say("poll after", poll(&wanted, 1, 60000));
  siginfo_t info;
  told("waitid", waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
  printf("signal %d\n", info.si_status);
}

static void clones(void) {
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    printf("pid %d\n", getpid());
    fflush(stdout);
    _exit(0);
  }
  told("clone into a PID namespace", child);
  wait(NULL);
}

static void prctls(void) {
  char name[32] = "";
  told("set name", prctl(PR_SET_NAME, "renamed"));
  prctl(PR_GET_NAME, name);
  printf("name %s\n", name);
  say("dumpable", prctl(PR_GET_DUMPABLE));
  say("no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  say("keepcaps", prctl(PR_GET_KEEPCAPS));
  say("seccomp", prctl(PR_GET_SECCOMP));
  say("securebits", prctl(PR_GET_SECUREBITS));
  say("timerslack", prctl(PR_GET_TIMERSLACK));
}

static void scheduling(void) {
  say("policy", sched_getscheduler(0));
  errno = 0;
  say("nice", getpriority(PRIO_PROCESS, 0) + 20);
  told("nice up", setpriority(PRIO_PROCESS, 0, 5));
  told("nice down", setpriority(PRIO_PROCESS, 0, -5));
  told("batch", sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}));
  told("fifo", sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1}));
  cpu_set_t cpus;
  told("affinity", sched_getaffinity(0, sizeof cpus, &cpus));
  told("no CPU", sched_setaffinity(0, sizeof cpus, &(cpu_set_t){0}));
}

static void traces(void) {
  pid_t child = fork();
  if (child == 0) {
    told("PTRACE_TRACEME", syscall(SYS_ptrace, 0, 0, 0, 0));
    fflush(stdout);
    raise(SIGSTOP);
    _exit(9);
  }
  int status;
  wait(&status);
  printf("stopped: %s\n", WIFSTOPPED(status) ? "yes" : "no");
  told("PTRACE_CONT", syscall(SYS_ptrace, 7, child, 0, 0));
  wait(&status);
  printf("exit %d\n", WEXITSTATUS(status));
}

static void *thread_main(void *value) {
  *(int *)value += 1;
  return value;
}

static void threads(void) {
  pthread_t all[50];
  int values[50];
  for (int i = 0; i < 50; i++) {
    values[i] = i;
    if ((errno = pthread_create(&all[i], NULL, thread_main, &values[i]))) return say("pthread_create", -1);
  }
  int sum = 0;
  for (int i = 0; i < 50; i++) {
    pthread_join(all[i], NULL);
    sum += values[i];
  }
  say("sum", sum);
}

static void sysv(void) {
  int memory = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
  told("shmget", memory);
  char *at = shmat(memory, NULL, 0);
  if (fork() == 0) {
    strcpy(at, "by the child");
    _exit(0);
  }
  wait(NULL);
  printf("%s\n", at);
  told("IPC_RMID", shmctl(memory, IPC_RMID, NULL));
  int semaphores = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
  told("semget", semaphores);
  told("semop", semop(semaphores, &(struct sembuf){.sem_op = 2}, 1));
  say("value", semctl(semaphores, 0, GETVAL));
  semctl(semaphores, 0, IPC_RMID);
  int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
  told("msgget", queue);
  struct { long type; char text[8]; } message = {1, "message"};
  told("msgsnd", msgsnd(queue, &message, sizeof message.text, 0));
  say("msgrcv", msgrcv(queue, &message, sizeof message.text, 0, 0));
  msgctl(queue, IPC_RMID, NULL);
}

static void message_queue(void) {
  struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 16};
  mqd_t queue = mq_open("/probe", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes);
  told("mq_open", queue);
  if (queue < 0) return;
  told("mq_send", mq_send(queue, "text", 5, 1));
  char text[16];
  say("mq_receive", mq_receive(queue, text, sizeof text, NULL));
  told("empty", mq_receive(queue, text, sizeof text, NULL));
  told("mq_unlink", mq_unlink("/probe"));
}

static void clocks(void) {
  static const struct { const char *name; clockid_t id; } all[] = {
    {"realtime", CLOCK_REALTIME}, {"monotonic", CLOCK_MONOTONIC}, {"raw", CLOCK_MONOTONIC_RAW}, {"boottime", CLOCK_BOOTTIME},
    {"process", CLOCK_PROCESS_CPUTIME_ID}, {"thread", CLOCK_THREAD_CPUTIME_ID}, {"coarse", CLOCK_REALTIME_COARSE}, {"tai", CLOCK_TAI},
  };
  struct timespec now;
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) told(all[i].name, clock_gettime(all[i].id, &now));
  told("set", clock_settime(CLOCK_REALTIME, &now));
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  clock_gettime(CLOCK_MONOTONIC, &after);
  long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
  printf("slept long enough: %s\n", ms >= 20 ? "yes" : "no");
}

// Network.

static void sockets(void) {
  static const struct { const char *name; int domain, type, protocol; } all[] = {
    {"tcp", AF_INET, SOCK_STREAM, 0}, {"tcp6", AF_INET6, SOCK_STREAM, 0}, {"udp", AF_INET, SOCK_DGRAM, 0},
    {"raw icmp", AF_INET, SOCK_RAW, IPPROTO_ICMP}, {"ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP}, {"packet", AF_PACKET, SOCK_RAW, 0},
    {"route", AF_NETLINK, SOCK_RAW, 0}, {"unix", AF_UNIX, SOCK_STREAM, 0}, {"seqpacket", AF_UNIX, SOCK_SEQPACKET, 0},
    {"unknown", 99, SOCK_STREAM, 0},
  };
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) told(all[i].name, socket(all[i].domain, all[i].type, all[i].protocol));
}

static void options(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  static const struct { const char *name; int level, option, value; } all[] = {
    {"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1}, {"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1}, {"SO_BROADCAST", SOL_SOCKET, SO_BROADCAST, 1},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1}, {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 10},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3}, {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000},
    {"TCP_DEFER_ACCEPT", IPPROTO_TCP, TCP_DEFER_ACCEPT, 5}, {"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN, 5},
    {"IP_TTL", IPPROTO_IP, IP_TTL, 9}, {"IP_TOS", IPPROTO_IP, IP_TOS, 8}, {"SO_MARK", SOL_SOCKET, SO_MARK, 1},
    {"SO_PRIORITY", SOL_SOCKET, SO_PRIORITY, 3},
  };
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
    told(all[i].name, setsockopt(fd, all[i].level, all[i].option, &all[i].value, sizeof all[i].value));
  }
  told("SO_BINDTODEVICE", setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
}

static void datagrams(void) {
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  told("bind", bind(server, (void *)&address, length));
  getsockname(server, (void *)&address, &length);
  static char text[60000];
  say("send", sendto(client, text, sizeof text, 0, (void *)&address, length));
  say("receive", recv(server, text, sizeof text, 0));
  say("empty", sendto(client, text, 0, 0, (void *)&address, length));
  say("receive", recv(server, text, sizeof text, 0));
  static char more[70000];
  told("too long", sendto(client, more, sizeof more, 0, (void *)&address, length));
  close(server);
  told("connect", connect(client, (void *)&address, length));
  told("send to nobody", send(client, text, 1, 0));
  told("and again", send(client, text, 1, 0));
}

static void unix_sockets(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0probe"};
  socklen_t length = offsetof(struct sockaddr_un, sun_path) + 6;
  int server = socket(AF_UNIX, SOCK_STREAM, 0);
  told("bind", bind(server, (void *)&address, length));
  listen(server, 1);
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  told("connect", connect(client, (void *)&address, length));
  int peer = accept(server, NULL, NULL);
  struct ucred who;
  told("SO_PEERCRED", getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &(socklen_t){sizeof who}));
  printf("by me: %s\n", who.pid == getpid() && who.uid == getuid() ? "yes" : "no");
  int ends[2];
  told("socketpair", socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
  char control[CMSG_SPACE(sizeof(int))] = {0};
  char byte = 'x';
  struct msghdr message = {.msg_iov = &(struct iovec){&byte, 1}, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *part = CMSG_FIRSTHDR(&message);
  *part = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
  int passed = open("/etc/hostname", O_RDONLY);
  memcpy(CMSG_DATA(part), &passed, sizeof passed);
  told("send a descriptor", sendmsg(ends[0], &message, 0));
  told("receive it", recvmsg(ends[1], &message, 0));
  memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
  told("read it", read(passed, &byte, 1));
}

static void terminal(void) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  told("posix_openpt", master);
  told("grantpt", grantpt(master));
  told("unlockpt", unlockpt(master));
  char name[64] = "";
  ptsname_r(master, name, sizeof name);
  int slave = open(name, O_RDWR | O_NOCTTY);
  told("open", slave);
  told("size", ioctl(master, TIOCSWINSZ, &(struct winsize){.ws_row = 7, .ws_col = 9}));
  struct winsize size = {0};
  ioctl(slave, TIOCGWINSZ, &size);
  printf("%d x %d\n", size.ws_row, size.ws_col);
  put(master, "typed\n");
  char text[16] = "";
  say("read", read(slave, text, sizeof text - 1));
}

// Signals.

static volatile sig_atomic_t caught;
static siginfo_t caught_info;

static void note(int signal, siginfo_t *info, void *context) {
  (void)context;
  caught_info = *info;
  caught = signal;
}

static void handled(void) {
  for (int signal = 1; signal < 32; signal++) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    caught = 0;
    struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
    told(sigabbrev_np(signal), sigaction(signal, &action, NULL));
    raise(signal);
    printf("caught %d\n", caught);
  }
}

static void queued(void) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGRTMIN, &action, NULL);
  told("sigqueue", sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 42}));
  printf("value %d, code %d, by me: %s\n", caught_info.si_value.sival_int, caught_info.si_code, caught_info.si_pid == getpid() ? "yes" : "no");
  say("SIGRTMIN", SIGRTMIN);
  say("SIGRTMAX", SIGRTMAX);
}

static void signal_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);
  int fd = signalfd(-1, &set, SFD_NONBLOCK);
  told("signalfd", fd);
  struct signalfd_siginfo info;
  told("read of none", read(fd, &info, sizeof info));
  kill(getpid(), SIGUSR1);
  say("read", read(fd, &info, sizeof info));
  printf("signal %u\n", info.ssi_signo);
}

static void stopping(void) {
  pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  int status;
  told("SIGSTOP", kill(child, SIGSTOP));
  waitpid(child, &status, WUNTRACED);
  printf("stopped by %d\n", WSTOPSIG(status));
  told("SIGCONT", kill(child, SIGCONT));
  waitpid(child, &status, WCONTINUED);
  printf("continued: %s\n", WIFCONTINUED(status) ? "yes" : "no");
  kill(child, SIGTERM);
  waitpid(child, &status, 0);
  printf("ended by %d\n", WTERMSIG(status));
}

static void faults(void) {
  static const int signals[] = {SIGSEGV, SIGFPE, SIGABRT, SIGPIPE, SIGBUS, SIGILL};
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      setrlimit(RLIMIT_CORE, &(struct rlimit){0});
      volatile int zero = 0;
      int ends[2];
      switch (signals[i]) {
        case SIGSEGV: *(volatile int *)(uintptr_t)zero = 1; break;
        case SIGFPE: zero = 1 / zero; break;
        case SIGABRT: abort();
        case SIGPIPE: pipe(ends); close(ends[0]); write(ends[1], "x", 1); break;
        case SIGBUS: {
          int fd = memfd_create("short", 0);
          char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
          zero = *(volatile char *)map;
          break;
        }
        case SIGILL: __builtin_trap();
      }
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    printf("%s: %s %d\n", sigabbrev_np(signals[i]), WIFSIGNALED(status) ? "signal" : "exit", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
}

static void inherited(void) {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  int count = 0;
  for (int signal = 1; signal < 65; signal++) {
    struct sigaction action;
    if (sigismember(&blocked, signal) == 1) printf("blocked %d\n", signal);
    if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf("ignored %d\n", signal);
    count++;
  }
  printf("of %d\n", count);
}

static void timers(void) {
  int fd = timerfd_create(CLOCK_MONOTONIC, 0);
  told("timerfd", fd);
  told("settime", timerfd_settime(fd, 0, &(struct itimerspec){.it_value = {.tv_nsec = 1000000}}, NULL));
  uint64_t count = 0;
  say("read", read(fd, &count, sizeof count));
  say("expirations", (long)count);
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGALRM, &action, NULL);
  alarm(1);
  pause();
  say("alarm", caught);
  int event = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
  say("eventfd", read(event, &count, sizeof count));
  int poller = epoll_create1(0);
  told("epoll", epoll_ctl(poller, EPOLL_CTL_ADD, event, &(struct epoll_event){.events = EPOLLIN}));
  struct epoll_event ready;
  say("ready", epoll_wait(poller, &ready, 1, 1000));
}

// Limits.

static void rlimits(void) {
  static const char *const names[] = {"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit;
    if (getrlimit((unsigned)i, &limit)) say(names[i], -1);
    // What the kernel derives from its memory, and the service manager sets.
    else if (i == RLIMIT_NPROC || i == RLIMIT_SIGPENDING || i == RLIMIT_NOFILE) printf("%s: %s\n", names[i], limit.rlim_cur >= 4096 ? "many" : "few");
    else if (limit.rlim_cur == RLIM_INFINITY) printf("%s: unlimited\n", names[i]);
    else printf("%s: %llu %llu\n", names[i], (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
  }
}

static int tasks_until(int most) {
  int started = 0;
  int ends[2];
  pipe(ends);
  for (; started < most; started++) {
    pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      char byte;
      close(ends[1]);
      read(ends[0], &byte, 1);
      _exit(0);
    }
  }
  int failed = errno;
  close(ends[1]);
  while (wait(NULL) > 0) {}
  errno = failed;
  return started;
}

static void forks(int most) {
  errno = 0;
  int count = tasks_until(most);
  printf("%s of %d\n", count == most ? "all" : "not all", most);
  if (count < most) say("fork", -1);
}

static void descriptors(void) {
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64});
  int count = 0;
  while (dup(0) >= 0) count++;
  printf("opened up to 64: %s\n", count > 32 && count < 64 ? "yes" : "no");
  told("dup", dup(0));
  told("raise", setrlimit(RLIMIT_NOFILE, &(struct rlimit){128, 128}));
}

static void file_size(void) {
  signal(SIGXFSZ, SIG_IGN);
  told("setrlimit", setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, 4096}));
  int fd = fresh("limited");
  char text[5000] = "";
  say("write", write(fd, text, sizeof text));
  say("write more", write(fd, text, sizeof text));
}

static void locked(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_MEMLOCK, &limit);
  void *page = mmap(NULL, 32 << 10, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  told("mlock of 32 KiB", mlock(page, 32 << 10));
  told("munlock", munlock(page, 32 << 10));
  setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){4096, 4096});
  told("mlock beyond the limit", mlock(page, 32 << 10));
}

static void space(void) {
  told("setrlimit", setrlimit(RLIMIT_AS, &(struct rlimit){64 << 20, 64 << 20}));
  told("mmap of 128 MiB", mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  told("mmap of 1 MiB", mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
}

// Users.

static void capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {0};
  told("capget", syscall(SYS_capget, &header, data));
  printf("effective %08x%08x\npermitted %08x%08x\ninheritable %08x%08x\n", data[1].effective, data[0].effective, data[1].permitted, data[0].permitted, data[1].inheritable, data[0].inheritable);
  unsigned long long bounding = 0;
  for (int i = 0; i < 41; i++) if (prctl(PR_CAPBSET_READ, i) == 1) bounding |= 1ULL << i;
  printf("bounding %016llx\n", bounding);
}

static void identity(void) {
  uid_t r, e, s;
  gid_t rg, eg, sg;
  getresuid(&r, &e, &s);
  getresgid(&rg, &eg, &sg);
  printf("uid %u %u %u gid %u %u %u groups", r, e, s, rg, eg, sg);
  gid_t groups[64];
  int count = getgroups(64, groups);
  for (int i = 0; i < count; i++) printf(" %u", groups[i]);
  printf("\n");
}

static void file_capability(const char *path) {
  // cap_net_bind_service, permitted and effective.
  struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = {{.permitted = 1 << CAP_NET_BIND_SERVICE}}};
  told("setxattr", setxattr(path, "security.capability", &data, sizeof data, 0));
}

// as USER:GROUP PROGRAM ARG...: with this user, this group and no other.
static int as(char **argv) {
  unsigned user, group;
  if (sscanf(argv[2], "%u:%u", &user, &group) != 2) return 2;
  if (setgroups(0, NULL) || setresgid(group, group, group) || setresuid(user, user, user)) say("as", -1);
  execvp(argv[3], argv + 3);
  say(argv[3], -1);
  return 1;
}

int main(int argc, char **argv) {
  const struct { const char *name; void (*run)(void); } all[] = {
    {"unlinked", unlinked}, {"tmpfile", tmpfile_link}, {"renames", renames}, {"holes", holes}, {"mapping", mapping},
    {"locks", locks}, {"notify", notify}, {"xattrs", xattrs}, {"opens", opens}, {"append", append}, {"copies", copies},
    {"times", times}, {"many", many}, {"big", big}, {"memfd", memfd}, {"direct", direct}, {"fifo", fifo_and_socket},
    {"namespaces", namespaces}, {"orphan", orphan}, {"subreaper", subreaper}, {"pidfds", pidfds}, {"clones", clones},
    {"prctls", prctls}, {"scheduling", scheduling}, {"traces", traces}, {"handled", handled}, {"queued", queued},
    {"signalfd", signal_descriptor}, {"stopping", stopping}, {"faults", faults}, {"inherited", inherited}, {"timers", timers},
    {"rlimits", rlimits}, {"descriptors", descriptors}, {"filesize", file_size}, {"capabilities", capabilities},
    {"identity", identity}, {"threads", threads}, {"sysv", sysv}, {"mqueue", message_queue}, {"clocks", clocks},
    {"sockets", sockets}, {"options", options}, {"datagrams", datagrams}, {"unix", unix_sockets}, {"terminal", terminal},
    {"locked", locked}, {"space", space},
  };
  if (argc > 3 && strcmp(argv[1], "as") == 0) return as(argv);
  if (argc == 3 && strcmp(argv[1], "forks") == 0) return forks(atoi(argv[2])), 0;
  if (argc == 3 && strcmp(argv[1], "setcap") == 0) return file_capability(argv[2]), 0;
  for (unsigned i = 0; argc == 2 && i < sizeof all / sizeof *all; i++) {
    if (strcmp(argv[1], all[i].name) == 0) return all[i].run(), 0;
  }
  fprintf(stderr, "probe: no such name\n");
  return 2;
}
