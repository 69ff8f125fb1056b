// A root file system of its own for a jailed program: of the host it holds what it is shown, and nothing else.
#ifndef KUASAR_JAIL_ROOT_H
#define KUASAR_JAIL_ROOT_H

#include "native.h"

// Each ends the process, with what went wrong on stderr.
_Noreturn void jail_fail(const char *what, const char *subject);
_Noreturn void jail_refuse(const char *word);

enum jail_access { JAIL_READ, JAIL_WRITE, JAIL_DEVICE, JAIL_TREE };
enum { JAIL_MAX_GROUPS = 16 };

// Makes an empty root at a folder; nobody outside of this mount namespace hears of it.
void jail_root_begin(const char *dir);
// What is shown from now on is there only until somebody makes the folder /.sealed of the root the root.
void jail_root_until_sealed(void);
// Shows a path of the host in it.
void jail_root_show(const char *path, enum jail_access access);
// The groups to which the devices belong that were shown and that not everybody may use. Returns their number.
size_t jail_root_groups(gid_t groups[JAIL_MAX_GROUPS]);
// Makes it the root, where one was begun, and mounts /proc where the PID namespace is the process's own.
void jail_root_enter(bool own_pids);

#endif
