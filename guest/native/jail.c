// Starts a program that may do no more than it must: what a VMM and its helpers are started through. The pid stays.
//
// The words before `--` say what is set; each stands for itself, whatever their order, and what none of them names stays as it is:
//
//   cgroup=DIR     the program starts in this cgroup; may be repeated
//   oom=N          its oom_score_adj
//   core=off       nothing of its memory comes into a core file
//   limit.NAME=N   its limit (setrlimit(2)): nofile, fsize, memlock; a number or `unlimited`
//   new=NAME       a namespace of its own: ipc, mount; in one of its own for PIDs (whoever starts it makes that), mount shows
//                  its own processes alone in /proc
//   umask=OCTAL    its umask
//   fds=N          it has the descriptors below N and no other
//   caps=NAME,...  the capabilities that it has and can ever get; none where nothing is named
#include "jail.h"
#include "native.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// As a shell's for a program that cannot be run.
enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

static _Noreturn void fail(const char *what, const char *subject) {
  fprintf(stderr, "kuasar-jail: cannot %s %s: %s\n", what, subject, strerror(errno));
  exit(CANNOT_RUN);
}

static _Noreturn void refuse(const char *word) {
  fprintf(stderr, "kuasar-jail: cannot understand \"%s\"\n", word);
  exit(CANNOT_RUN);
}

// The value of a word with this key, else NULL.
static const char *value_of(const char *word, const char *key) {
  size_t length = strlen(key);
  return !strncmp(word, key, length) && word[length] == '=' ? word + length + 1 : NULL;
}

static long number(const char *text, int base, const char *word) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, base);
  if (errno || end == text || *end) refuse(word);
  return value;
}

static bool write_to(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  int error = errno;
  close(fd);
  errno = error;
  return done;
}

static void join_cgroup(const char *dir) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/cgroup.procs", dir) >= (int)sizeof path) refuse(dir);
  // 0 is the writer.
  if (!write_to(path, "0")) fail("join the cgroup", dir);
}

static void set_oom_score(const char *score) {
  // Without CAP_SYS_RESOURCE it cannot be lowered: then it stays as it is.
  if (!write_to("/proc/self/oom_score_adj", score) && errno != EACCES) fail("set oom_score_adj to", score);
}

static void leave_no_core(void) {
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none)) fail("set the limit", "core");
  // A handler in core_pattern is free to ignore the limit: it is handed nothing. The file is missing where the kernel writes none.
  if (!write_to("/proc/self/coredump_filter", "0") && errno != ENOENT) fail("write", "coredump_filter");
}

static const struct {
  const char *name;
  int resource;
} limits[] = {{"nofile", RLIMIT_NOFILE}, {"fsize", RLIMIT_FSIZE}, {"memlock", RLIMIT_MEMLOCK}};

static void set_limit(const char *word) {
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    const char *value = value_of(word + strlen("limit."), limits[i].name);
    if (!value) continue;
    rlim_t most = strcmp(value, "unlimited") ? (rlim_t)number(value, 10, word) : RLIM_INFINITY;
    struct rlimit limit;
    if (getrlimit(limits[i].resource, &limit)) fail("read the limit", limits[i].name);
    // Without CAP_SYS_RESOURCE none can be raised: then it is as high as it may be.
    if (most < limit.rlim_max || !setrlimit(limits[i].resource, &(struct rlimit){most, most})) limit.rlim_max = most;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(limits[i].resource, &limit)) fail("set the limit", limits[i].name);
    return;
  }
  refuse(word);
}

static void make_namespace(const char *name) {
  if (!strcmp(name, "ipc")) {
    if (unshare(CLONE_NEWIPC)) fail("make a namespace:", name);
  } else if (!strcmp(name, "mount")) {
    // What the host mounts for this program later still arrives; what it mounts goes nowhere.
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) fail("make a namespace:", name);
    if (getpid() == 1 && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) fail("mount", "/proc");
  } else refuse(name);
}

// Those that a server of somebody else's files needs, and a VMM that opens its own tap.
static const struct {
  const char *name;
  unsigned number;
} capabilities[] = {
    {"chown", CAP_CHOWN},   {"dac_override", CAP_DAC_OVERRIDE}, {"fowner", CAP_FOWNER}, {"fsetid", CAP_FSETID},
    {"setgid", CAP_SETGID}, {"setuid", CAP_SETUID},             {"mknod", CAP_MKNOD},   {"setfcap", CAP_SETFCAP},
    {"net_admin", CAP_NET_ADMIN},
};

static uint64_t capability(const char *name, size_t length, const char *word) {
  for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++) {
    if (strlen(capabilities[i].name) == length && !memcmp(capabilities[i].name, name, length))
      return (uint64_t)1 << capabilities[i].number;
  }
  refuse(word);
}

static void keep_capabilities(const char *names, const char *word) {
  uint64_t kept = 0;
  while (*names) {
    size_t length = strcspn(names, ",");
    kept |= capability(names, length, word);
    names += length + (names[length] == ',');
  }
  // The kernel answers EINVAL for the first that it does not know.
  for (unsigned n = 0; prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0; n++) {
    if (!(kept >> n & 1) && prctl(PR_CAPBSET_DROP, n, 0, 0, 0)) fail("drop", "the bounding set");
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL) fail("drop", "ambient capabilities");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct now[2];
  if (syscall(SYS_capget, &header, now)) fail("read", "capabilities");
  for (int half = 0; half < 2; half++) {
    uint32_t mask = (uint32_t)(kept >> 32 * half);
    // Of root the bounding set decides at the start of the program.
    now[half] = (struct __user_cap_data_struct){now[half].permitted & mask, now[half].permitted & mask, 0};
  }
  if (syscall(SYS_capset, &header, now)) fail("drop", "capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("give up", "new privileges");
}

bool jail_main(int argc, char **argv, int *code) {
  if (argc < 2 || strcmp(argv[1], "kuasar-jail")) return false;
  int end = 2;
  while (end < argc && strcmp(argv[end], "--")) end++;
  if (end + 1 >= argc) refuse("no program");
  const char *fds = NULL, *caps = NULL, *caps_word = NULL;
  for (int i = 2; i < end; i++) {
    const char *word = argv[i], *value;
    if ((value = value_of(word, "cgroup"))) join_cgroup(value);
    else if ((value = value_of(word, "oom"))) set_oom_score(value);
    else if (!strcmp(word, "core=off")) leave_no_core();
    else if (!strncmp(word, "limit.", strlen("limit."))) set_limit(word);
    else if ((value = value_of(word, "new"))) make_namespace(value);
    else if ((value = value_of(word, "umask"))) umask((mode_t)number(value, 8, word));
    else if ((value = value_of(word, "fds"))) fds = value;
    else if ((value = value_of(word, "caps"))) caps = value, caps_word = word;
    else refuse(word);
  }
  // Last, for all else may need what they take.
  if (fds && syscall(SYS_close_range, (unsigned)number(fds, 10, "fds"), ~0U, 0)) fail("close", "descriptors");
  if (caps) keep_capabilities(caps, caps_word);
  execvp(argv[end + 1], argv + end + 1);
  fprintf(stderr, "kuasar-jail: cannot run %s: %s\n", argv[end + 1], strerror(errno));
  *code = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
  return true;
}
