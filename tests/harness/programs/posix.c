// posix GROUP: in the current directory, which root owns, what POSIX.1 promises of files, one group of calls at a time: each line
// names what was done and shows `ok`, the error's name, or what was found. Run by root; what others may do is asked as user 1000.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000

/** Shows a call's result. */
#define CALL(what, call) said(what, (long)(call))

static void said(const char *what, long result) {
  printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

static void found(const char *what, const char *format, ...) {
  va_list values;
  va_start(values, format);
  printf("%s: ", what);
  vprintf(format, values);
  putchar('\n');
  va_end(values);
}

/** Makes a file with a text. */
static void make(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode)) said(path, -1);
  close(fd);
}

static void show(const char *path) {
  char text[64] = "";
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) said(path, -1);
  else found(path, "%s", text);
  close(fd);
}

static struct stat of(const char *path) {
  struct stat st = {0};
  if (lstat(path, &st)) said(path, -1);
  return st;
}

static unsigned mode(const char *path) { return of(path).st_mode & 07777; }

/** Runs something as a user with one more group. */
static void as_user(uid_t uid, gid_t gid, void (*work)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    gid_t groups[] = {gid, 2000};
    if (setgroups(2, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) said("user", -1);
    work();
    fflush(stdout);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
}

static int opened(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  if (fd >= 0) close(fd);
  return fd;
}

static void opens(void) {
  make("file", "text", 0644);
  CALL("mkdir", mkdir("dir", 0755));
  CALL("symlink", symlink("file", "link"));
  CALL("O_EXCL of a file", opened("file", O_CREAT | O_EXCL | O_RDWR));
  CALL("O_EXCL of a link", opened("link", O_CREAT | O_EXCL | O_RDWR));
  CALL("O_NOFOLLOW of a link", opened("link", O_RDONLY | O_NOFOLLOW));
  CALL("O_DIRECTORY of a file", opened("file", O_RDONLY | O_DIRECTORY));
  CALL("write a directory", opened("dir", O_WRONLY));
  CALL("create below a file", opened("file/x", O_CREAT | O_RDWR));
  CALL("slash behind a file", opened("file/", O_RDONLY));
  CALL("nothing there", opened("none", O_RDONLY));
  CALL("O_TRUNC", opened("file", O_WRONLY | O_TRUNC));
  found("size", "%ld", (long)of("file").st_size);
  CALL("dangling", symlink("made", "dangling"));
  CALL("create through a link", opened("dangling", O_CREAT | O_WRONLY));
  found("made", "%o", of("made").st_mode & S_IFMT);
  int fd = open("file", O_RDONLY);
  CALL("write to what is open for reading", write(fd, "x", 1));
  close(fd);
  fd = open("file", O_WRONLY);
  char byte;
  CALL("read from what is open for writing", read(fd, &byte, 1));
  close(fd);
  fd = open("dir", O_RDONLY);
  CALL("read a directory", read(fd, &byte, 1));
  CALL("openat", (close(openat(fd, "at", O_CREAT | O_RDWR, 0600)), faccessat(fd, "at", F_OK, 0)));
  close(fd);
  CALL("loop", symlink("loop", "loop"));
  CALL("open a loop", opened("loop", O_RDONLY));
}

static void names(void) {
  char longest[NAME_MAX + 2];
  memset(longest, 'n', sizeof longest);
  longest[NAME_MAX + 1] = 0;
  CALL("256 bytes", opened(longest, O_CREAT | O_RDWR));
  longest[NAME_MAX] = 0;
  CALL("255 bytes", opened(longest, O_CREAT | O_RDWR));
  CALL("unlink", unlink(longest));
  CALL("empty", opened("", O_RDONLY));
  CALL("any byte", opened("\x01\xff\n*", O_CREAT | O_RDWR));
  CALL("is there", access("\x01\xff\n*", F_OK));
  CALL("case", (opened("Case", O_CREAT | O_RDWR), access("case", F_OK)));
  CALL("rmdir of .", (mkdir("d", 0755), rmdir("d/.")));
  CALL("rmdir of ..", (mkdir("d/e", 0755), rmdir("d/e/..")));
  char long_link[PATH_MAX + 1];
  memset(long_link, 'l', PATH_MAX);
  long_link[PATH_MAX] = 0;
  CALL("symlink of 4096 bytes", symlink(long_link, "long"));
  long_link[1000] = 0;
  CALL("symlink of 1000 bytes", symlink(long_link, "long"));
  found("its size", "%ld", (long)of("long").st_size);
}

static void directories(void) {
  umask(027);
  CALL("mkdir", mkdir("d", 0777));
  found("mode", "%o", mode("d"));
  umask(0);
  CALL("again", mkdir("d", 0777));
  CALL("over a link", (symlink("none", "s"), mkdir("s", 0777)));
  CALL("with a slash", mkdir("slash/", 0700));
  CALL("below nothing", mkdir("none/d", 0777));
  found("links of an empty one", "%s", of("d").st_nlink <= 2 ? "two, or not counted" : "more");
  CALL("below", mkdir("d/e", 0755));
  CALL("rmdir of one that is not empty", rmdir("d"));
  CALL("rmdir of a file", (make("f", "", 0644), rmdir("f")));
  CALL("unlink of a directory", unlink("d"));
  DIR *open_dir = opendir("d/e");
  CALL("rmdir of one that is open", rmdir("d/e"));
  CALL("create in it", openat(dirfd(open_dir), "x", O_CREAT | O_RDWR, 0600));
  closedir(open_dir);
  CALL("rmdir", rmdir("d"));
  CALL("setgid", (mkdir("g", 0755), chown("g", 0, 2000), chmod("g", 02775)));
  make("g/file", "", 0644);
  mkdir("g/dir", 0755);
  found("group of a file in it", "%u", of("g/file").st_gid);
  found("group and mode of a directory in it", "%u %o", of("g/dir").st_gid, mode("g/dir"));
}

static void listing(void) {
  char name[32];
  for (int i = 0; i < 300; i++) {
    snprintf(name, sizeof name, "file%d", i);
    make(name, "", 0644);
  }
  int count = 0, dots = 0;
  DIR *dir = opendir(".");
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') dots++;
    else count++;
  }
  found("entries", "%d and %d", count, dots);
  rewinddir(dir);
  count = 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    // What is removed while a directory is read does not disturb it.
    if (entry->d_name[0] != '.' && unlink(entry->d_name) == 0) count++;
  }
  found("removed while it was read", "%d", count);
  rewinddir(dir);
  count = 0;
  while (readdir(dir)) count++;
  found("left", "%d", count);
  long at = telldir(dir);
  seekdir(dir, at);
  found("at its end", "%s", readdir(dir) == NULL ? "nothing" : "more");
  closedir(dir);
}

static void links(void) {
  make("a", "a", 0644);
  CALL("link", link("a", "b"));
  found("links", "%lu", (unsigned long)of("a").st_nlink);
  found("one file", "%s", of("a").st_ino == of("b").st_ino ? "yes" : "no");
  CALL("onto another", link("a", "b"));
  CALL("of nothing", link("none", "c"));
  CALL("of a directory", (mkdir("d", 0755), link("d", "e")));
  CALL("of a link, not followed", (symlink("a", "s"), link("s", "t")));
  found("kind", "%s", S_ISLNK(of("t").st_mode) ? "link" : "other");
  CALL("of a link, followed", linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
  found("links", "%lu", (unsigned long)of("a").st_nlink);
  struct stat before = of("a");
  CALL("unlink", unlink("b"));
  found("links", "%lu", (unsigned long)of("a").st_nlink);
  found("ctime goes on", "%s", of("a").st_ctim.tv_sec >= before.st_ctim.tv_sec ? "yes" : "no");
  char text[8] = "";
  found("readlink", "%ld %s", (long)readlink("s", text, sizeof text), text);
  CALL("readlink of a file", readlink("a", text, sizeof text));
  found("size of a link", "%ld", (long)of("s").st_size);
  CALL("unlink of a link", unlink("s"));
  show("a");
}

static void renames(void) {
  make("a", "a", 0644);
  make("b", "b", 0600);
  ino_t ino = of("a").st_ino;
  int fd = open("b", O_RDONLY);
  CALL("onto a file", rename("a", "b"));
  found("it is the same", "%s", of("b").st_ino == ino ? "yes" : "no");
  CALL("the old name", access("a", F_OK));
  char byte = 0;
  CALL("what was there is read", read(fd, &byte, 1));
  found("byte", "%c", byte);
  struct stat st;
  fstat(fd, &st);
  found("its links", "%lu", (unsigned long)st.st_nlink);
  close(fd);
  CALL("to itself", rename("b", "b"));
  CALL("to another name of its own", (link("b", "c"), rename("b", "c")));
  CALL("both are there", access("b", F_OK));
  mkdir("d", 0755);
  mkdir("d/sub", 0755);
  mkdir("e", 0755);
  CALL("a file onto a directory", rename("b", "d"));
  CALL("a directory onto a file", rename("d", "b"));
  CALL("a directory into itself", rename("d", "d/sub/d"));
  CALL("onto a directory that is not empty", rename("e", "d"));
  CALL("onto an empty directory", rename("d", "e"));
  CALL("what was in it", access("e/sub", F_OK));
  CALL("of nothing", rename("none", "x"));
  CALL("below nothing", rename("b", "none/x"));
  CALL("a link", (symlink("b", "s"), rename("s", "t")));
  found("kind", "%s", S_ISLNK(of("t").st_mode) ? "link" : "other");
  CALL("an open file into a directory", (fd = open("c", O_RDWR), rename("c", "e/c")));
  CALL("write to it", write(fd, "X", 1));
  close(fd);
  show("e/c");
  CALL("of .", rename(".", "y"));
}

static void other_modes(void) {
  CALL("chmod of another's file", chmod("f", 0777));
  CALL("read 0640 by the group", opened("group", O_RDONLY));
  CALL("write 0640 by the group", opened("group", O_WRONLY));
  CALL("read 0604 by the group", opened("others", O_RDONLY));
  CALL("look into 0711", opened("x", O_RDONLY | O_DIRECTORY));
  CALL("reach a file below 0711", opened("x/f", O_RDONLY));
  CALL("reach a file below 0700", opened("closed/f", O_RDONLY));
  CALL("write into 0755", opened("x/new", O_CREAT | O_RDWR));
  CALL("access", access("f", W_OK));
}

static void modes(void) {
  umask(0);
  make("f", "", 0644);
  CALL("chmod 7777", chmod("f", 07777));
  found("mode", "%o", mode("f"));
  CALL("chmod 0", chmod("f", 0));
  CALL("root opens it", opened("f", O_RDWR));
  CALL("chmod of a link", (symlink("f", "s"), chmod("s", 0600)));
  found("mode", "%o", mode("f"));
  make("group", "", 0640);
  make("others", "", 0604);
  CALL("chown", chown("group", 0, 2000) | chown("others", 0, 2000));
  mkdir("x", 0711);
  make("x/f", "", 0644);
  mkdir("closed", 0700);
  make("closed/f", "", 0644);
  as_user(USER, USER, other_modes);
  umask(077);
  CALL("umask", opened("u", O_CREAT | O_RDWR));
  found("mode", "%o", mode("u"));
  CALL("execute without the bit", access("u", X_OK));
}

static void own_owner(void) {
  CALL("give away one's own", chown("mine", 0, (gid_t)-1));
  CALL("to a group of one's own", chown("mine", (uid_t)-1, 2000));
  found("group and mode", "%u %o", of("mine").st_gid, mode("mine"));
  CALL("to a group of others", chown("mine", (uid_t)-1, 3000));
  CALL("chown of another's", chown("other", (uid_t)-1, 2000));
  int fd = open("suid", O_WRONLY);
  CALL("write to setuid", write(fd, "x", 1));
  found("mode", "%o", mode("suid"));
  close(fd);
  CALL("setgid of a group of others", chmod("foreign", 02755));
  found("mode", "%o", mode("foreign"));
}

static void owners(void) {
  make("f", "", 06755);
  CALL("chown", chown("f", 1234, 4321));
  found("owner and mode", "%u:%u %o", of("f").st_uid, of("f").st_gid, mode("f"));
  CALL("-1 keeps", chown("f", (uid_t)-1, 7));
  found("owner", "%u:%u", of("f").st_uid, of("f").st_gid);
  CALL("lchown", (symlink("f", "s"), lchown("s", 5, 6)));
  found("of the link", "%u:%u", of("s").st_uid, of("s").st_gid);
  found("of the file", "%u:%u", of("f").st_uid, of("f").st_gid);
  make("mine", "", 06755);
  chown("mine", USER, USER);
  chmod("mine", 06755);
  make("other", "", 0666);
  make("suid", "", 04777);
  make("foreign", "", 0755);
  chown("foreign", USER, 3000);
  as_user(USER, USER, own_owner);
}

static void own_sticky(void) {
  CALL("unlink of another's", unlink("t/root"));
  CALL("rename of another's", rename("t/root", "t/x"));
  CALL("rename onto another's", (make("t/mine", "", 0644), rename("t/mine", "t/root")));
  CALL("rmdir of another's", rmdir("t/dir"));
  CALL("unlink of one's own", unlink("t/mine"));
  CALL("unlink in 0755", unlink("closed/f"));
}

static void sticky(void) {
  umask(0);
  mkdir("t", 01777);
  make("t/root", "", 0666);
  mkdir("t/dir", 0777);
  mkdir("closed", 0755);
  make("closed/f", "", 0666);
  as_user(USER, USER, own_sticky);
  CALL("root may", unlink("t/root"));
}

static void lengths(void) {
  make("f", "0123456789", 0644);
  CALL("truncate", truncate("f", 4));
  show("f");
  CALL("longer", truncate("f", 100000));
  found("size", "%ld", (long)of("f").st_size);
  char bytes[8] = "xxxxxxx";
  int fd = open("f", O_RDWR);
  CALL("pread of what was added", pread(fd, bytes, 4, 50000));
  found("zeros", "%d%d%d%d", bytes[0], bytes[1], bytes[2], bytes[3]);
  CALL("below zero", ftruncate(fd, -1));
  CALL("pwrite beyond", pwrite(fd, "end", 3, 200000));
  found("size", "%ld", (long)of("f").st_size);
  CALL("fallocate", posix_fallocate(fd, 0, 300000) ? -1 : 0);
  found("size", "%ld", (long)of("f").st_size);
  found("lseek end", "%ld", (long)lseek(fd, 0, SEEK_END));
  CALL("lseek before the beginning", lseek(fd, -1, SEEK_SET));
  found("read at the end", "%ld", (long)read(fd, bytes, 1));
  struct iovec parts[] = {{"ab", 2}, {"cd", 2}};
  found("writev", "%ld", (long)pwritev(fd, parts, 2, 0));
  CALL("fsync", fsync(fd));
  CALL("fdatasync", fdatasync(fd));
  close(fd);
  CALL("of a directory", (mkdir("d", 0755), truncate("d", 0)));
  fd = open("f", O_RDONLY);
  CALL("of what is open for reading", ftruncate(fd, 0));
  close(fd);
  make("app", "one", 0644);
  fd = open("app", O_RDWR | O_APPEND);
  lseek(fd, 0, SEEK_SET);
  CALL("append", write(fd, "two", 3));
  close(fd);
  show("app");
}

static void own_times(void) {
  struct timespec given[2] = {{5, 0}, {6, 0}};
  CALL("times of another's file", utimensat(AT_FDCWD, "open", given, 0));
  CALL("now, of one that may be written", utimensat(AT_FDCWD, "open", NULL, 0));
  CALL("now, of one that may not", utimensat(AT_FDCWD, "closed", NULL, 0));
}

static void times(void) {
  make("f", "x", 0644);
  struct timespec given[2] = {{1000000000, 123456789}, {1100000000, 987654321}};
  CALL("utimensat", utimensat(AT_FDCWD, "f", given, 0));
  struct stat st = of("f");
  found("times", "%ld.%09ld %ld.%09ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  given[0].tv_nsec = UTIME_OMIT;
  given[1] = (struct timespec){-100, 0};
  CALL("before 1970", utimensat(AT_FDCWD, "f", given, 0));
  found("mtime", "%ld", (long)of("f").st_mtim.tv_sec);
  CALL("of a link", (symlink("f", "s"), utimensat(AT_FDCWD, "s", (struct timespec[]){{7, 0}, {8, 0}}, AT_SYMLINK_NOFOLLOW)));
  found("mtime of the link", "%ld", (long)of("s").st_mtim.tv_sec);
  utimensat(AT_FDCWD, "f", (struct timespec[]){{7, 0}, {8, 0}}, 0);
  CALL("a write", (close(open("f", O_RDWR)), truncate("f", 0)));
  found("mtime is new", "%s", of("f").st_mtim.tv_sec > 8 ? "yes" : "no");
  mkdir("d", 0755);
  utimensat(AT_FDCWD, "d", (struct timespec[]){{7, 0}, {8, 0}}, 0);
  make("d/new", "", 0644);
  found("mtime of a directory with a new file", "%s", of("d").st_mtim.tv_sec > 8 ? "new" : "old");
  make("open", "", 0666);
  make("closed", "", 0644);
  as_user(USER, USER, own_times);
}

static void nodes(void) {
  CALL("mkfifo", mkfifo("p", 0640));
  found("kind", "%o", of("p").st_mode);
  CALL("FIFO without a reader", opened("p", O_WRONLY | O_NONBLOCK));
  int reader = open("p", O_RDONLY | O_NONBLOCK), writer = open("p", O_WRONLY);
  char byte = 0;
  CALL("through it", (write(writer, "x", 1), read(reader, &byte, 1)));
  close(writer);
  found("end", "%ld", (long)read(reader, &byte, 1));
  close(reader);
  CALL("again", mkfifo("p", 0640));
  CALL("mknod of a file", mknod("f", S_IFREG | 0600, 0));
  CALL("mknod of null", mknod("null", S_IFCHR | 0666, makedev(1, 3)));
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "s"};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), peer = socket(AF_UNIX, SOCK_STREAM, 0);
  CALL("bind", bind(fd, (void *)&address, sizeof address));
  CALL("bind again", bind(peer, (void *)&address, sizeof address));
  CALL("listen", listen(fd, 1));
  CALL("connect", connect(peer, (void *)&address, sizeof address));
  found("kind", "%o", of("s").st_mode & S_IFMT);
  CALL("open a socket", opened("s", O_RDWR));
  close(fd);
  CALL("connect to what nobody listens on", connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&address, sizeof address));
  CALL("unlink", unlink("s"));
}

static void unlinked(void) {
  int fd = open("f", O_RDWR | O_CREAT, 0600);
  CALL("write", write(fd, "0123456789", 10));
  CALL("unlink", unlink("f"));
  CALL("ftruncate", ftruncate(fd, 4));
  CALL("fchmod", fchmod(fd, 0640));
  CALL("fchown", fchown(fd, 1, 2));
  CALL("futimens", futimens(fd, (struct timespec[]){{7, 0}, {8, 0}}));
  struct stat st = {0};
  CALL("fstat", fstat(fd, &st));
  found("size, mode, owner", "%ld %o %u:%u", (long)st.st_size, st.st_mode & 07777, st.st_uid, st.st_gid);
  found("links", "%lu", (unsigned long)st.st_nlink);
  found("mtime", "%s", st.st_mtim.tv_sec == 8 ? "as set" : "another");
  CALL("fsync", fsync(fd));
  char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CALL("mmap", at == MAP_FAILED ? -1 : 0);
  if (at != MAP_FAILED) memcpy(at, "map", 3);
  char text[5] = "";
  CALL("pread", pread(fd, text, 4, 0));
  found("text", "%s", text);
  CALL("a new one of the name", opened("f", O_CREAT | O_EXCL | O_RDWR));
  found("its size", "%ld", (long)of("f").st_size);
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, O_RDONLY);
  CALL("open anew by /proc", again);
  close(again);
  close(fd);
}

static int locked_by_child(int type, off_t start, off_t length) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    struct flock lock = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    int fd = open("f", O_RDWR);
    _exit(fcntl(fd, F_SETLK, &lock) == 0 ? 0 : errno);
  }
  int status;
  waitpid(pid, &status, 0);
  errno = WEXITSTATUS(status);
  return errno ? -1 : 0;
}

static void locks(void) {
  make("f", "0123456789", 0644);
  int fd = open("f", O_RDWR), other = open("f", O_RDWR);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 5};
  CALL("lock of a range", fcntl(fd, F_SETLK, &lock));
  CALL("another's of the same", locked_by_child(F_WRLCK, 4, 1));
  CALL("another's beside it", locked_by_child(F_WRLCK, 5, 5));
  lock.l_type = F_RDLCK;
  CALL("to a shared one", fcntl(fd, F_SETLK, &lock));
  CALL("another's shared one", locked_by_child(F_RDLCK, 0, 5));
  CALL("another's exclusive one", locked_by_child(F_WRLCK, 0, 5));
  close(other);
  CALL("after any close of the file", locked_by_child(F_WRLCK, 0, 5));
  other = open("f", O_RDWR);
  CALL("flock", flock(fd, LOCK_EX | LOCK_NB));
  CALL("of another opening", flock(other, LOCK_SH | LOCK_NB));
  int copy = dup(fd);
  close(fd);
  CALL("while a copy is open", flock(other, LOCK_SH | LOCK_NB));
  close(copy);
  CALL("after the last close", flock(other, LOCK_EX | LOCK_NB));
  lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
  CALL("lock of an opening", fcntl(other, F_OFD_SETLK, &lock));
  fd = open("f", O_RDWR);
  CALL("another's", fcntl(fd, F_OFD_SETLK, &lock));
  close(other);
  CALL("after its close", fcntl(fd, F_OFD_SETLK, &lock));
  close(fd);
}

static void mappings(void) {
  make("f", "0123456789", 0644);
  int fd = open("f", O_RDWR);
  char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CALL("mmap", shared == MAP_FAILED || own == MAP_FAILED ? -1 : 0);
  if (shared == MAP_FAILED || own == MAP_FAILED) return;
  shared[0] = 'S';
  own[1] = 'P';
  show("f");
  CALL("pwrite", pwrite(fd, "W", 1, 2));
  found("seen", "%c", shared[2]);
  CALL("msync", msync(shared, 4096, MS_SYNC));
  fflush(stdout);
  if (fork() == 0) {
    shared[3] = 'C';
    _exit(0);
  }
  wait(NULL);
  found("a child's", "%c", shared[3]);
  found("behind the end", "%d", shared[100]);
  shared[100] = 'x';
  found("size", "%ld", (long)of("f").st_size);
  close(fd);
  shared[4] = 'c';
  CALL("unmap", munmap(shared, 4096));
  show("f");
  fd = open("f", O_RDONLY);
  CALL("to write what is open for reading", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
  close(fd);
}

static void space(void) {
  struct statvfs st;
  CALL("statvfs", statvfs(".", &st));
  found("longest name", "%lu", st.f_namemax);
  found("blocks", "%s", st.f_blocks > 0 && st.f_bfree <= st.f_blocks ? "some" : "odd");
  int fd = open("sparse", O_RDWR | O_CREAT, 0600);
  CALL("sparse", pwrite(fd, "x", 1, 64L << 20));
  found("size", "%ld", (long)of("sparse").st_size);
  found("takes less", "%s", of("sparse").st_blocks * 512 < 1L << 20 ? "yes" : "no");
  close(fd);
  found("block size", "%s", of("sparse").st_blksize >= 512 ? "some" : "odd");
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } groups[] = {
    {"opens", opens}, {"names", names}, {"directories", directories}, {"listing", listing}, {"links", links},
    {"renames", renames}, {"modes", modes}, {"owners", owners}, {"sticky", sticky}, {"lengths", lengths},
    {"times", times}, {"nodes", nodes}, {"unlinked", unlinked}, {"locks", locks}, {"mappings", mappings}, {"space", space},
  };
  for (size_t i = 0; argc == 2 && i < sizeof groups / sizeof *groups; i++) {
    if (strcmp(argv[1], groups[i].name) == 0) return groups[i].run(), 0;
  }
  fprintf(stderr, "usage: %s GROUP\n", argv[0]);
  return 2;
}
