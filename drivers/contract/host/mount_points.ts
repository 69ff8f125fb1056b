import { KuasarError } from "../../../lib/errors/mod.ts";
import { openInRoot, openPath, RESOLVE } from "../../../lib/mounts/mod.ts";
import type { Mount } from "../../../lib/oci/mod.ts";

/**
 * Refuses a container whose mount points would have to be made in a read-only volume. Some runtimes make them nevertheless, in
 * the host's own directory, before they make the mount read-only; others fail without a word on why.
 *
 * @param mounts in the order in which they are made
 * @throws KuasarError FAILED_PRECONDITION
 */
export function checkMountPoints(mounts: readonly Mount[]): void {
  mounts.forEach(({ destination }, index) => {
    const volume = mounts.slice(0, index).findLast((earlier) => isBelow(destination, earlier.destination));
    if (!volume || !isReadOnlyBind(volume)) return;
    using root = openPath(volume.source!, RESOLVE.noMagicLinks);
    const point = openInRoot(root, normal(destination).slice(normal(volume.destination).length));
    if (point === undefined) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot mount at ${destination}: the read-only volume at ${volume.destination} has nothing there`,
      );
    }
    point[Symbol.dispose]();
  });
}

/** Without the slashes that do not count. */
function normal(path: string): string {
  return "/" + path.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

function isBelow(path: string, above: string): boolean {
  const prefix = normal(above);
  return prefix !== "/" && normal(path).startsWith(`${prefix}/`);
}

function isReadOnlyBind({ type, source, options = [] }: Mount): boolean {
  const bind = type === "bind" || options.some((option) => /^r?bind$/.test(option));
  return bind && source !== undefined && options.some((option) => /^r?ro$/.test(option));
}
