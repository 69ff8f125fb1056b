/** Changes of the root of a jailed program that runs (guest/native/jail_root.c), from outside: it could not make them itself. */
import { dirname } from "node:path";
import { exists } from "../files/mod.ts";
import { isErrno, OPEN, openFd, UMOUNT, unmount, withMountNamespace } from "../libc/mod.ts";
import type { Access, Shown } from "../process/mod.ts";
import { parseMountinfo } from "./mountinfo.ts";
import {
  attachMount,
  cloneMount,
  Fd,
  MOUNT_ATTR,
  pivotToWorkingDirectory,
  PROPAGATION,
  setMountAttributes,
} from "./syscalls.ts";

/** What the launcher mounts as a root. */
const ROOT_SOURCE = "kuasar-jail";

/** What a root has when it is sealed, in the root before. */
const SEALED = "/.sealed";

const { readOnly, nosuid, nodev, noexec } = MOUNT_ATTR;

/** As the launcher has them. */
const ATTRIBUTES: Readonly<Record<Access, number>> = {
  read: readOnly | nosuid | nodev,
  write: nosuid | nodev | noexec,
  device: nosuid | noexec,
  tree: nosuid | nodev | noexec,
};

/** Not by openat2, which a unit without a right to set-user-id files is not let call. @throws {Errno} */
function openAt(path: string): Fd {
  return new Fd(openFd(path, OPEN.PATH | OPEN.CLOEXEC));
}

/** The mount namespace of a process; open, it stays whatever becomes of the process. @throws {Errno} */
function mountNamespaceOf(pid: number): Fd {
  return new Fd(openFd(`/proc/${pid}/ns/mnt`, OPEN.RDONLY));
}

/** Whether a process has a root that the launcher has made. What is said of one that has not changes nothing. */
function hasOwnRoot(pid: number): boolean {
  const mounts = parseMountinfo(Deno.readTextFileSync(`/proc/${pid}/mountinfo`));
  return mounts.some(({ mountPoint, source }) => mountPoint === "/" && source === ROOT_SOURCE);
}

/**
 * Takes out of a program's root what was shown to it until it is sealed. What it has open or mapped of that, it keeps.
 *
 * @param pid the program, in no state in which it opens more of those files; one with the host's root keeps that
 * @param trees the trees that it keeps: for a moment they are not where they were
 * @throws {Errno}
 */
export function sealRoot(pid: number, trees: readonly string[]): void {
  if (!hasOwnRoot(pid)) return;
  using namespace = mountNamespaceOf(pid);
  withMountNamespace(namespace.number, () => {
    for (const tree of trees) {
      // The mount itself: the program may have it open, and hears of later mounts in it as long as it is attached.
      using mount = openAt(tree);
      using place = openAt(SEALED + tree);
      attachMount(mount, place, tree);
    }
    Deno.chdir(SEALED);
    pivotToWorkingDirectory("what the program is to see");
  });
}

/**
 * Shows more of the host to a program, at the paths that it has on the host. What it sees already is fine.
 *
 * @param pid the program; one with the host's root sees all of it already
 * @throws {Errno} ENOENT where something is not there
 */
export function showInRoot(pid: number, shown: readonly Shown[]): void {
  if (!hasOwnRoot(pid)) return;
  using namespace = mountNamespaceOf(pid);
  using mounts = new DisposableStack();
  const parts = shown.map(({ path, access }) => {
    const recursive = access === "tree";
    using source = openAt(path);
    const mount = mounts.use(cloneMount(source, recursive, path));
    const propagation = recursive ? PROPAGATION.slave : PROPAGATION.private;
    setMountAttributes(mount, { set: ATTRIBUTES[access], propagation, recursive }, path);
    return { path, mount, info: Deno.statSync(path) };
  });
  inRoot(namespace, () => {
    for (const { path, mount, info } of parts) {
      if (isThere(path, info)) continue;
      makePlace(path, info.isDirectory);
      using place = openAt(path);
      attachMount(mount, place, path);
    }
  });
}

/** Takes away what {@link showInRoot} has shown. What is not there is fine. @throws {Errno} */
export function hideInRoot(pid: number, paths: readonly string[]): void {
  if (!hasOwnRoot(pid)) return;
  using namespace = mountNamespaceOf(pid);
  inRoot(namespace, () => paths.forEach(hide));
}

/** Runs `change` in a namespace, with a root that can be written: nobody in it may do that. */
function inRoot(namespace: Fd, change: () => void): void {
  withMountNamespace(namespace.number, () => {
    using root = openAt("/");
    setMountAttributes(root, { clear: readOnly }, "/");
    // Whoever the program runs as, it finds the way.
    const mask = Deno.umask(0o022);
    try {
      change();
    } finally {
      Deno.umask(mask);
      setMountAttributes(root, { set: readOnly }, "/");
    }
  });
}

function isThere(path: string, { dev, ino }: Deno.FileInfo): boolean {
  if (!exists(path)) return false;
  const there = Deno.statSync(path);
  return there.dev === dev && there.ino === ino;
}

function makePlace(path: string, isDirectory: boolean): void {
  Deno.mkdirSync(isDirectory ? path : dirname(path), { recursive: true, mode: 0o755 });
  if (!isDirectory && !exists(path)) Deno.writeTextFileSync(path, "", { createNew: true });
}

function hide(path: string): void {
  try {
    unmount(path, UMOUNT.DETACH | UMOUNT.NOFOLLOW);
    Deno.removeSync(path);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "EINVAL")) throw error;
  }
}
