import { isErrno } from "../../lib/libc/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import {
  isWithin,
  type MountEntry,
  mountOf,
  openPath,
  readMountinfo,
  RESOLVE,
} from "../../lib/mounts/mod.ts";
import { MAGIC_BYTES, probeFilesystem } from "./filesystem_magic.ts";

/** What a path of the host is. */
export interface PathFacts {
  kind: "directory" | "file" | "block" | "character" | "socket" | "fifo";
  /** Permission bits, set-id and sticky bits included. */
  mode: number;
  uid: number;
  gid: number;
}

/** What the plan asks of the host; a test gives its own. */
export interface HostFacts {
  /** @throws FAILED_PRECONDITION where there is nothing */
  stat(path: string): PathFacts;
  exists(path: string): boolean;
  /** Whether two paths, without symbolic links, are the same file. */
  isSame(one: string, other: string): boolean;
  /** The path with every symbolic link resolved. */
  realPath(path: string): string;
  /** The mount that a real path lies in. */
  mountOf(path: string): MountEntry | undefined;
  /** Whether something is mounted below a real path. */
  hasMountsBelow(path: string): boolean;
  /** The file system on a block device or in an image. @throws FAILED_PRECONDITION where none is known */
  filesystemOf(path: string): string;
}

/** The host as it is; mountinfo is read once, at the first question about it. */
export function hostFacts(): HostFacts {
  let mounts: MountEntry[] | undefined;
  return {
    stat: statPath,
    exists,
    isSame: (one, other) => {
      const [a, b] = [identityOf(one), identityOf(other)];
      return a !== undefined && a === b;
    },
    realPath: (path) => asked(path, () => Deno.realPathSync(path)),
    mountOf: (path) => mountOf(mounts ??= readMountinfo(), path),
    hasMountsBelow: (path) =>
      (mounts ??= readMountinfo()).some(({ mountPoint }) =>
        mountPoint !== path && isWithin(mountPoint, path)
      ),
    filesystemOf: (path) =>
      asked(path, () => {
        using file = Deno.openSync(path);
        const head = new Uint8Array(MAGIC_BYTES);
        let length = 0;
        for (let n; length < head.length && (n = file.readSync(head.subarray(length))); length += n);
        const found = probeFilesystem(head.subarray(0, length));
        if (found) return found;
        throw new KuasarError(
          "FAILED_PRECONDITION",
          `Cannot mount ${path}: no file system of a known kind on it`,
        );
      }),
  };
}

function statPath(path: string): PathFacts {
  const info = asked(path, () => Deno.statSync(path));
  const kind = info.isDirectory
    ? "directory"
    : info.isFile
    ? "file"
    : info.isBlockDevice
    ? "block"
    : info.isCharDevice
    ? "character"
    : info.isSocket
    ? "socket"
    : "fifo";
  return { kind, mode: (info.mode ?? 0) & 0o7777, uid: info.uid ?? 0, gid: info.gid ?? 0 };
}

function asked<T>(path: string, question: () => T): T {
  try {
    return question();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isErrno(error, "ENOENT")) {
      throw new KuasarError("FAILED_PRECONDITION", `Cannot use ${path}: it does not exist on the host`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** A container may have written to what is on the way. */
function identityOf(path: string): string | undefined {
  try {
    using file = openPath(path, RESOLVE.noSymlinks | RESOLVE.noMagicLinks);
    const { dev, ino } = Deno.statSync(file.path);
    return `${dev}/${ino}`;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
}
