// See jail_root.h. What is shown is bound at the path that it has on the host, so that a program, its command line and whoever
// speaks to it name files by the same paths inside and outside.
#include "jail_root.h"
#include "jail_landlock.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// <sys/mount.h> declares some of <linux/mount.h> again, not alike in every C library.
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
enum { DETACH = 2 };

enum { PATH_ROOM = 4096 };

static char new_root[PATH_ROOM];
// The root once it is sealed, which is a mount in the other.
#define SEALED "/.sealed"
static bool until_sealed;
static bool given_up;
static gid_t device_groups[JAIL_MAX_GROUPS];
static size_t device_group_count;

static void in_new_root(const char *below, const char *path, char place[PATH_ROOM]) {
  if (*path != '/' || snprintf(place, PATH_ROOM, "%s%s%s", new_root, below, path) >= PATH_ROOM) jail_refuse(path);
}

static void make_root(const char *at) {
  // Folders and empty files to mount at, and nothing else, are in it.
  if (mount("kuasar-jail", at, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=64k")) jail_fail("make a root at", at);
  int fd = open(at, O_PATH | O_CLOEXEC);
  if (fd < 0) jail_fail("open the root at", at);
  jail_landlock_root(fd, at);
  close(fd);
}

void jail_root_begin(const char *dir) {
  char sealed[PATH_ROOM];
  if (snprintf(new_root, sizeof new_root, "%s", dir) >= (int)sizeof new_root) jail_refuse(dir);
  jail_landlock_begin();
  make_root(dir);
  in_new_root("", SEALED, sealed);
  if (mkdir(sealed, 0755)) jail_fail("make a folder for", SEALED);
  make_root(sealed);
}

void jail_root_until_sealed(void) { until_sealed = true; }

// Makes the folders above the last part of a path in the new root, and what something of the type of `source` is mounted at.
static void make_place(char *place, const char *path, const struct stat *source) {
  struct stat there;
  for (char *end = place + strlen(new_root) + 1; (end = strchr(end, '/')); end++) {
    *end = 0;
    bool made = !mkdir(place, 0755) || errno == EEXIST;
    *end = '/';
    if (!made) jail_fail("make a folder for", path);
  }
  if (S_ISDIR(source->st_mode)) {
    if (mkdir(place, 0755) && errno != EEXIST) jail_fail("make a folder for", path);
    return;
  }
  int fd = open(place, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0444);
  // Below a folder that is shown, too, it is there already.
  if (fd < 0 && stat(place, &there)) jail_fail("make a file for", path);
  if (fd >= 0) close(fd);
}

static void note_group(const struct stat *device) {
  mode_t mode = device->st_mode;
  if ((mode & 06) == 06 || (mode & 060) != 060) return;
  for (size_t i = 0; i < device_group_count; i++) {
    if (device_groups[i] == device->st_gid) return;
  }
  if (device_group_count < JAIL_MAX_GROUPS) device_groups[device_group_count++] = device->st_gid;
}

static const uint64_t attributes[] = {
    [JAIL_READ] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    [JAIL_WRITE] = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    [JAIL_DEVICE] = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
    [JAIL_TREE] = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
};

// A kernel that does not let something be shown leaves the program the host's root: it keeps all else that the jail takes. Its
// driver sees in /proc that there is no root to be sealed.
static void give_up(const char *path) {
  fprintf(stderr, "kuasar-jail: the host's root stays, since %s cannot be shown in another: %s\n", path, strerror(errno));
  if (umount2(new_root, DETACH)) jail_fail("give up", "the root");
  jail_landlock_give_up();
  *new_root = 0;
  given_up = true;
}

static void show(const char *path, enum jail_access access, const char *below, bool only_place) {
  char place[PATH_ROOM];
  struct stat source;
  in_new_root(below, path, place);
  int recursive = access == JAIL_TREE ? AT_RECURSIVE : 0;
  int mount_fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
  if (mount_fd < 0 && errno == EINVAL) return give_up(path);
  if (mount_fd < 0 || fstatat(mount_fd, "", &source, AT_EMPTY_PATH)) jail_fail("show", path);
  if (access == JAIL_DEVICE) note_group(&source);
  jail_landlock_show(mount_fd, path, access);
  // Whoever the program runs as, it finds the way.
  mode_t mask = umask(022);
  make_place(place, path, &source);
  umask(mask);
  // What is mounted later in a tree still arrives: it hears from the host, and the host not from it.
  struct mount_attr attr = {.attr_set = attributes[access], .propagation = access == JAIL_TREE ? 0 : MS_PRIVATE};
  if (!only_place && (syscall(SYS_mount_setattr, mount_fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof attr) ||
                      syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH))) {
    if (errno != EINVAL) jail_fail("show", path);
    give_up(path);
  }
  close(mount_fd);
}

void jail_root_show(const char *path, enum jail_access access) {
  if (given_up) return;
  if (!*new_root) jail_refuse(path);
  show(path, access, "", false);
  if (given_up) return;
  // A program that has a tree open hears of later mounts as long as that very mount is attached: it is moved.
  if (!until_sealed) show(path, access, SEALED, access == JAIL_TREE);
}

size_t jail_root_groups(gid_t groups[JAIL_MAX_GROUPS]) {
  memcpy(groups, device_groups, sizeof device_groups);
  return device_group_count;
}

static void close_root(const char *at) {
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  if (syscall(SYS_mount_setattr, AT_FDCWD, at, 0, &attr, sizeof attr)) jail_fail("close the root", at);
}

static void mount_proc(const char *below) {
  char proc[PATH_ROOM];
  in_new_root(below, "/proc", proc);
  if (*new_root && mkdir(proc, 0555) && errno != EEXIST) jail_fail("make a folder for", "/proc");
  // A root of its own is without what in /proc is the machine's and not a process's.
  const char *options = *new_root ? "subset=pid" : NULL;
  if (mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)) jail_fail("mount", "/proc");
}

void jail_root_enter(bool own_pids) {
  if (own_pids) mount_proc("");
  if (!*new_root) return;
  if (own_pids) mount_proc(SEALED);
  // The old root comes to lie upon the new one, and goes.
  if (chdir(new_root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", DETACH) || chdir("/")) jail_fail("enter", "the root");
  close_root("/");
  close_root(SEALED);
  jail_landlock_enter();
}
