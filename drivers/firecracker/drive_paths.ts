/**
 * Files behind the drives of a VM, relative to the sandbox's directory, in which the VMM runs: a snapshot names them, and the
 * VM that is started from it finds its own.
 */

/** A file of no bytes, behind every place that has no disk. */
export const EMPTY = "empty";

/**
 * Symbolic links to disks, each named after its serial: the VMM tells which path is behind a drive, so that it knows by
 * itself which disk is where.
 */
export const DISKS = "disks";

/** The path of a disk as the VMM is told it. */
export function diskPath(serial: string): string {
  return `${DISKS}/${serial}`;
}

/** The serial of the disk behind a path that the VMM tells; undefined where it is none of a place. */
export function serialOf(path: string): string | undefined {
  return path.startsWith(`${DISKS}/`) ? path.slice(DISKS.length + 1) : undefined;
}
