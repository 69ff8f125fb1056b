// See jail_landlock.h. The rules follow from the roots and what is shown in them. What is shown later must be reachable, so a root
// is open as a whole: its mounts say what of it can be written, and what is plugged in may neither be run nor become a device.
#include "jail_landlock.h"
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

// Newer than some <linux/landlock.h>. Without the first, before version 2, no file is renamed into another folder.
enum { RENAME_ELSEWHERE = 2, TRUNCATE = 3, ABSTRACT_SOCKETS = 6 };
#define ACCESS_TRUNCATE (1ULL << 14)
#define SCOPE_ABSTRACT_SOCKETS (1ULL << 0)

struct ruleset {
  uint64_t files, network, scoped;
};

static const uint64_t make_devices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
static uint64_t governed;
static int rules = -1;

void jail_landlock_begin(void) {
  long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  // Not compiled in, or turned off at boot.
  if (version < 0 && errno != ENOSYS && errno != EOPNOTSUPP) jail_fail("ask for", "Landlock");
  if (version < RENAME_ELSEWHERE) return;
  // All up to the one that version 2 has last, and shortening.
  governed = (LANDLOCK_ACCESS_FS_REFER << 1) - 1;
  if (version >= TRUNCATE) governed |= ACCESS_TRUNCATE;
  // Of a network namespace that is the pod's the program sees no socket by a name but in files.
  struct ruleset what = {governed, 0, version >= ABSTRACT_SOCKETS ? SCOPE_ABSTRACT_SOCKETS : 0};
  rules = (int)syscall(SYS_landlock_create_ruleset, &what, sizeof what, 0);
  if (rules < 0) jail_fail("make rules of", "Landlock");
}

static void allow(int fd, const char *path, uint64_t access) {
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
  if (rules >= 0 && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)) jail_fail("make a rule for", path);
}

void jail_landlock_root(int fd, const char *path) { allow(fd, path, governed & ~(LANDLOCK_ACCESS_FS_EXECUTE | make_devices)); }

void jail_landlock_show(int fd, const char *path, enum jail_access access) {
  if (access == JAIL_READ) allow(fd, path, LANDLOCK_ACCESS_FS_EXECUTE);
  if (access == JAIL_TREE) allow(fd, path, make_devices);
}

void jail_landlock_enter(void) {
  if (rules >= 0 && syscall(SYS_landlock_restrict_self, rules, 0)) jail_fail("enter", "Landlock");
  jail_landlock_give_up();
}

void jail_landlock_give_up(void) {
  if (rules >= 0) close(rules);
  rules = -1;
}
