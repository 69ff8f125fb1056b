import { KuasarError } from "../../lib/errors/mod.ts";
import { FS_MAGIC, isErrno, statFileSystem } from "../../lib/libc/mod.ts";

/**
 * Tells one network namespace from another one at the same path: device and inode of nsfs.
 *
 * @returns undefined when there is none at the path: no file, or one that nothing is mounted on
 * @throws {Errno}
 */
export function netnsIdentity(path: string): string | undefined {
  try {
    if (statFileSystem(path).type !== FS_MAGIC.NSFS) return undefined;
    const { dev, ino } = Deno.statSync(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR") || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Like {@link netnsIdentity} for a caller that needs one.
 *
 * @throws {KuasarError} FAILED_PRECONDITION
 */
export function requireNetns(path: string): string {
  const identity = netnsIdentity(path);
  if (identity !== undefined) return identity;
  throw new KuasarError("FAILED_PRECONDITION", `Cannot attach the network: ${path} is no network namespace`);
}
