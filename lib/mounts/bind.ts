import {
  attachMount,
  cloneMount,
  Fd,
  MOUNT_ATTR,
  openPath,
  PROPAGATION,
  RESOLVE,
  setMountAttributes,
} from "./syscalls.ts";

/** How a bind mount is made. */
export interface BindOptions {
  /** With the mounts below the source; default false. */
  recursive?: boolean;
  /** Only the top mount; what is below keeps its own mode. */
  readOnly?: boolean;
  /** Every mount below too. */
  recursiveReadOnly?: boolean;
  /** MOUNT_ATTR bits for every mount, default nosuid and nodev. */
  attributes?: number;
  /**
   * Default `private`. `shared` makes a peer group of its own, `unbindable` keeps it out of recursive binds; with `slave` what is
   * mounted and unmounted later below a source that is shared is so here too.
   */
  propagation?: "private" | "shared" | "slave" | "unbindable";
}

/**
 * Bind-mounts what is open at `source` on `target`.
 *
 * The mount is made complete before it is attached anywhere. With mount(2) read-only takes a second call,
 * which is not propagated: a daemon in another mount namespace would keep its writable copy.
 *
 * @param target an open path, or an absolute one in which symbolic links are refused; of the same kind as the source
 * @throws {Errno} with the paths
 */
export function bindMount(
  source: Fd,
  target: string | Fd,
  options: BindOptions = {},
  name = source.path,
): void {
  using mount = cloneMount(source, options.recursive ?? false, name);
  const recursive = true;
  const set = options.attributes ?? (MOUNT_ATTR.nosuid | MOUNT_ATTR.nodev);
  const propagation = options.propagation ?? "private";
  // A copy of a shared mount joins its peer group: it must follow that or leave it before it is shared anew.
  const first = propagation === "slave" ? PROPAGATION.slave : PROPAGATION.private;
  setMountAttributes(mount, { set, propagation: first, recursive }, name);
  if (options.readOnly || options.recursiveReadOnly) {
    setMountAttributes(
      mount,
      { set: MOUNT_ATTR.readOnly, recursive: options.recursiveReadOnly ?? false },
      name,
    );
  }
  if (propagation === "shared") setMountAttributes(mount, { propagation: PROPAGATION.shared }, name);
  if (target instanceof Fd) attachMount(mount, target, name);
  else {
    using at = openMountPoint(target);
    attachMount(mount, at, target);
  }
  // The kernel refuses to attach an unbindable mount below a shared one (move_mount(2): EINVAL).
  if (propagation === "unbindable") setMountAttributes(mount, { propagation: PROPAGATION.unbindable }, name);
}

/** Opens a path of our own, in which no symbolic link may be. @throws {Errno} ELOOP where there is one */
export function openMountPoint(path: string): Fd {
  return openPath(path, RESOLVE.noSymlinks | RESOLVE.noMagicLinks);
}
