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
//   root=DIR       with a namespace for mounts: a root of its own, which is made at this folder and holds its /proc and what the
//                  words after this one name; it is read-only, and the host's files are not in it
//   until=sealed   what the words after this one show is there only until the root is sealed: its folder /.sealed, which has all
//                  the rest (of a tree a place for it), becomes the root then
//   read=PATH      in that root, at the path which it has on the host: a file or folder, to be read and run
//   write=PATH     likewise, to be written too
//   device=PATH    likewise, a device
//   tree=PATH      likewise, a folder with all that is mounted in it, now and later
//   cwd=DIR        the folder in that root in which it starts; the root itself where this is not said
//   user=ID        the user and group that it runs as, in no other group but those of its devices
//   umask=OCTAL    its umask
//   fds=N          it has the descriptors below N and no other
//   calls=NAME,... the system calls that it may make: any other ends it with SIGSYS (those that start it are not spared)
//   caps=NAME,...  the capabilities that it has and can ever get; none where nothing is named
#include "jail.h"
#include "jail_calls.h"
#include "jail_root.h"
#include "native.h"
#include <fcntl.h>
#include <grp.h>
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

void jail_fail(const char *what, const char *subject) {
  fprintf(stderr, "kuasar-jail: cannot %s %s: %s\n", what, subject, strerror(errno));
  exit(CANNOT_RUN);
}

void jail_refuse(const char *word) {
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
  if (errno || end == text || *end) jail_refuse(word);
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
  if (snprintf(path, sizeof path, "%s/cgroup.procs", dir) >= (int)sizeof path) jail_refuse(dir);
  // 0 is the writer.
  if (!write_to(path, "0")) jail_fail("join the cgroup", dir);
}

static void set_oom_score(const char *score) {
  // Without CAP_SYS_RESOURCE it cannot be lowered: then it stays as it is.
  if (!write_to("/proc/self/oom_score_adj", score) && errno != EACCES) jail_fail("set oom_score_adj to", score);
}

static void leave_no_core(void) {
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none)) jail_fail("set the limit", "core");
  // A handler in core_pattern is free to ignore the limit: it is handed nothing. The file is missing where the kernel writes none.
  if (!write_to("/proc/self/coredump_filter", "0") && errno != ENOENT) jail_fail("write", "coredump_filter");
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
    if (getrlimit(limits[i].resource, &limit)) jail_fail("read the limit", limits[i].name);
    // Without CAP_SYS_RESOURCE none can be raised: then it is as high as it may be.
    if (most < limit.rlim_max || !setrlimit(limits[i].resource, &(struct rlimit){most, most})) limit.rlim_max = most;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(limits[i].resource, &limit)) jail_fail("set the limit", limits[i].name);
    return;
  }
  jail_refuse(word);
}

static void make_namespace(const char *name) {
  if (!strcmp(name, "ipc")) {
    if (unshare(CLONE_NEWIPC)) jail_fail("make a namespace:", name);
  } else if (!strcmp(name, "mount")) {
    // What the host mounts for this program later still arrives; what it mounts goes nowhere.
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) jail_fail("make a namespace:", name);
  } else jail_refuse(name);
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
  jail_refuse(word);
}

static uint64_t capability_set(const char *names, const char *word) {
  uint64_t set = 0;
  while (*names) {
    size_t length = strcspn(names, ",");
    set |= capability(names, length, word);
    names += length + (names[length] == ',');
  }
  return set;
}

static void drop_bounding_set(uint64_t kept) {
  // The kernel answers EINVAL for the first that it does not know.
  for (unsigned n = 0; prctl(PR_CAPBSET_READ, n, 0, 0, 0) >= 0; n++) {
    if (!(kept >> n & 1) && prctl(PR_CAPBSET_DROP, n, 0, 0, 0)) jail_fail("drop", "the bounding set");
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) && errno != EINVAL) jail_fail("drop", "ambient capabilities");
}

static void become(const char *user, const char *word) {
  gid_t groups[JAIL_MAX_GROUPS];
  uid_t id = (uid_t)number(user, 10, word);
  // What it may do besides is decided below, and not by the change of its user.
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)) jail_fail("keep", "capabilities");
  if (setgroups(jail_root_groups(groups), groups)) jail_fail("set", "groups");
  if (setresgid(id, id, id) || setresuid(id, id, id)) jail_fail("become the user", user);
}

static void keep_capabilities(uint64_t kept, bool root) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct now[2];
  if (syscall(SYS_capget, &header, now)) jail_fail("read", "capabilities");
  for (int half = 0; half < 2; half++) {
    uint32_t mask = (uint32_t)(kept >> 32 * half);
    // Of root the bounding set decides at the start of the program, of others what is ambient.
    uint32_t rest = now[half].permitted & mask;
    now[half] = (struct __user_cap_data_struct){rest, rest, root ? 0 : rest};
  }
  if (syscall(SYS_capset, &header, now)) jail_fail("drop", "capabilities");
  for (unsigned n = 0; !root && n < 64; n++) {
    if (kept >> n & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0)) jail_fail("keep", "capabilities");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) jail_fail("give up", "new privileges");
}

bool jail_main(int argc, char **argv, int *code) {
  if (argc < 2 || strcmp(argv[1], "kuasar-jail")) return false;
  int end = 2;
  while (end < argc && strcmp(argv[end], "--")) end++;
  if (end + 1 >= argc) jail_refuse("no program");
  const char *fds = NULL, *caps = NULL, *caps_word = NULL, *user = NULL, *user_word = NULL, *calls = NULL, *calls_word = NULL, *cwd = NULL;
  bool mounts = false;
  for (int i = 2; i < end; i++) {
    const char *word = argv[i], *value;
    if ((value = value_of(word, "cgroup"))) join_cgroup(value);
    else if ((value = value_of(word, "oom"))) set_oom_score(value);
    else if (!strcmp(word, "core=off")) leave_no_core();
    else if (!strncmp(word, "limit.", strlen("limit."))) set_limit(word);
    else if ((value = value_of(word, "new"))) make_namespace(value), mounts |= !strcmp(value, "mount");
    else if ((value = value_of(word, "root"))) jail_root_begin(value);
    else if (!strcmp(word, "until=sealed")) jail_root_until_sealed();
    else if ((value = value_of(word, "read"))) jail_root_show(value, JAIL_READ);
    else if ((value = value_of(word, "write"))) jail_root_show(value, JAIL_WRITE);
    else if ((value = value_of(word, "device"))) jail_root_show(value, JAIL_DEVICE);
    else if ((value = value_of(word, "tree"))) jail_root_show(value, JAIL_TREE);
    else if ((value = value_of(word, "cwd"))) cwd = value;
    else if ((value = value_of(word, "user"))) user = value, user_word = word;
    else if ((value = value_of(word, "umask"))) umask((mode_t)number(value, 8, word));
    else if ((value = value_of(word, "fds"))) fds = value;
    else if ((value = value_of(word, "calls"))) calls = value, calls_word = word;
    else if ((value = value_of(word, "caps"))) caps = value, caps_word = word;
    else jail_refuse(word);
  }
  if (mounts) jail_root_enter(getpid() == 1);
  if (cwd && chdir(cwd)) jail_fail("go to", cwd);
  // Last, for all else may need what they take.
  if (fds && syscall(SYS_close_range, (unsigned)number(fds, 10, "fds"), ~0U, 0)) jail_fail("close", "descriptors");
  uint64_t kept = caps ? capability_set(caps, caps_word) : 0;
  if (caps) drop_bounding_set(kept);
  if (user) become(user, user_word);
  if (caps) keep_capabilities(kept, !user);
  if (calls) jail_allow_calls(calls, calls_word);
  execvp(argv[end + 1], argv + end + 1);
  fprintf(stderr, "kuasar-jail: cannot run %s: %s\n", argv[end + 1], strerror(errno));
  *code = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
  return true;
}
