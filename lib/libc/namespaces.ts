import { KuasarError } from "../errors/mod.ts";
import { check } from "./check.ts";
import { closeFd, OPEN, openFd } from "./files.ts";
import { isErrno } from "./errno.ts";
import { libc } from "./library.ts";
import { mount, MS, UMOUNT, unmount } from "./mounts.ts";

/** Namespace types of setns(2) and unshare(2) (linux/sched.h). */
export const CLONE = {
  FS: 0x00000200,
  NEWNS: 0x00020000,
  NEWCGROUP: 0x02000000,
  NEWUTS: 0x04000000,
  NEWIPC: 0x08000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

/** A function whose result is no promise: nothing may be awaited inside a foreign namespace. */
type Synchronous<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Runs `fn` in the network namespace at `path` and comes back.
 *
 * Only the calling thread moves. `fn` must be synchronous: after an `await` other work of this process would run
 * in the pod's namespace. A socket opened or a child spawned inside stays in that namespace.
 *
 * @throws {Errno} ENOENT when the namespace is gone, EINVAL when `path` is no network namespace
 */
export function withNetns<T>(path: string, fn: () => Synchronous<T>): T {
  const target = openFd(path, OPEN.RDONLY);
  try {
    return inNetns(
      () => check(libc().setns(target, CLONE.NEWNET), `enter the network namespace ${path}`),
      fn,
    );
  } finally {
    closeFd(target);
  }
}

/** Like {@link withNetns}, in a new, empty network namespace that is gone when nothing refers to it any more. */
export function withNewNetns<T>(fn: () => Synchronous<T>): T {
  return inNetns(() => check(libc().unshare(CLONE.NEWNET), "make a network namespace"), fn);
}

/**
 * Makes a network namespace that stays until {@link unpinNetns}: its file at `path` is what `withNetns` takes.
 *
 * @throws {Errno} EEXIST when there is a file already
 */
export function pinNewNetns(path: string): void {
  closeFd(openFd(path, OPEN.CREAT | OPEN.EXCL, 0o444));
  try {
    withNewNetns(() => mount({ source: OWN_NETNS, target: path, flags: MS.BIND }));
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
}

/** Removes what {@link pinNewNetns} made. Idempotent. @throws {Errno} */
export function unpinNetns(path: string): void {
  try {
    unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    if (!isErrno(error, "EINVAL")) throw error; // EINVAL: nothing is mounted there any more
  }
  Deno.removeSync(path);
}

/** Kinds of namespaces in which a single thread of a process may be. */
const THREAD_NAMESPACES = { ipc: CLONE.NEWIPC, uts: CLONE.NEWUTS } as const;

/** A kind of {@link withNewNamespaces}. */
export type ThreadNamespace = keyof typeof THREAD_NAMESPACES;

/**
 * Runs `fn` in new namespaces of these kinds and comes back; like {@link withNetns}, only the calling thread moves. They are
 * gone afterwards unless `fn` has mounted them somewhere ({@link ownNamespace}).
 *
 * @throws {Errno}
 */
export function withNewNamespaces<T>(kinds: readonly ThreadNamespace[], fn: () => Synchronous<T>): T {
  const homes: [fd: number, kind: ThreadNamespace][] = [];
  try {
    for (const kind of kinds) homes.push([openFd(ownNamespace(kind), OPEN.RDONLY), kind]);
    const flags = kinds.reduce((bits, kind) => bits | THREAD_NAMESPACES[kind], 0);
    if (flags !== 0) check(libc().unshare(flags), `make namespaces (${kinds.join(", ")})`);
    try {
      return fn();
    } finally {
      for (const [fd, kind] of homes) returnTo(fd, THREAD_NAMESPACES[kind], kind);
    }
  } finally {
    for (const [fd] of homes) closeFd(fd);
  }
}

/**
 * Runs `fn` so that the first child which it starts is the first process of a new PID namespace, and comes back. That process
 * is sent no signal that it has no handler for, but SIGKILL and SIGSTOP from outside (pid_namespaces(7)).
 *
 * @throws {Errno}
 */
export function withNewPidNamespace<T>(fn: () => Synchronous<T>): T {
  const home = openFd("/proc/thread-self/ns/pid", OPEN.RDONLY);
  try {
    check(libc().unshare(CLONE.NEWPID), "make a PID namespace");
    try {
      return fn();
    } finally {
      returnTo(home, CLONE.NEWPID, "PID");
    }
  } finally {
    closeFd(home);
  }
}

/**
 * Runs `fn` in the mount namespace that is open at `target`, whose root is the root for it and its working directory, and comes
 * back; like {@link withNetns}, only the calling thread moves.
 *
 * @throws {Errno}
 */
export function withMountNamespace<T>(target: number, fn: () => Synchronous<T>): T {
  const home = openFd("/proc/thread-self/ns/mnt", OPEN.RDONLY);
  const here = openFd(".", OPEN.PATH);
  try {
    // The kernel lets nobody enter who would take others' root along: threads that this one has started share it again.
    check(libc().unshare(CLONE.FS), "leave the root of the other threads");
    check(libc().setns(target, CLONE.NEWNS), "enter a mount namespace");
    try {
      return fn();
    } finally {
      returnTo(home, CLONE.NEWNS, "mount");
      Deno.chdir(`/proc/self/fd/${here}`);
    }
  } finally {
    closeFd(home);
    closeFd(here);
  }
}

/** The path of a namespace of the calling thread. */
export function ownNamespace(kind: ThreadNamespace | "net"): string {
  return `/proc/thread-self/ns/${kind}`;
}

/** The path of the calling thread's own network namespace; it changes with the thread, so it is opened at once. */
export const OWN_NETNS = "/proc/thread-self/ns/net";

function inNetns<T>(enter: () => void, fn: () => Synchronous<T>): T {
  const home = openFd(OWN_NETNS, OPEN.RDONLY);
  try {
    enter();
    let result: T;
    try {
      result = fn();
    } finally {
      goHome(home);
    }
    if (result instanceof Promise) {
      throw new KuasarError(
        "INTERNAL",
        "Cannot await inside a network namespace: the function is asynchronous",
      );
    }
    return result;
  } finally {
    closeFd(home);
  }
}

function goHome(home: number): void {
  returnTo(home, CLONE.NEWNET, "network");
}

function returnTo(home: number, type: number, name: string): void {
  try {
    check(libc().setns(home, type), `return to the host's ${name} namespace`);
  } catch (error) {
    // A service in the wrong namespace would do damage to a pod with its next call: dying is the safe way out.
    console.error(error);
    Deno.exit(70);
  }
}
