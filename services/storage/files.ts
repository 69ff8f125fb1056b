import { KuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { mountsWithin, readMountinfo } from "../../lib/mounts/mod.ts";

/**
 * Removes a directory of ours with all in it, unless something is still mounted there: what would be deleted then
 * is somebody else's. Idempotent.
 *
 * @throws FAILED_PRECONDITION naming the first mount
 */
export function removeOwnTree(dir: string): void {
  if (!exists(dir)) return;
  const [mount] = mountsWithin(readMountinfo(), dir);
  if (mount) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot remove ${dir}: ${mount.mountPoint} is still mounted`,
    );
  }
  Deno.removeSync(dir, { recursive: true });
}
