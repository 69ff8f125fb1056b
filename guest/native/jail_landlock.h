// Closes to a jailed program every file that is not in its root, by Landlock(7) where the kernel has it: a second lock behind the
// mount namespace, which holds for descriptors of the host's folders too.
#ifndef KUASAR_JAIL_LANDLOCK_H
#define KUASAR_JAIL_LANDLOCK_H

#include "jail_root.h"

// Each ends the process with what went wrong, and does nothing where the kernel has no Landlock that will do.

void jail_landlock_begin(void);
// What is open is a root of the program, now or later: it may read and write what it finds there.
void jail_landlock_root(int fd, const char *path);
// What is open and about to be shown may be more than read and written.
void jail_landlock_show(int fd, const char *path, enum jail_access access);
// Nothing else can be reached from now on.
void jail_landlock_enter(void);
// There is no root of its own to be closed in.
void jail_landlock_give_up(void);

#endif
