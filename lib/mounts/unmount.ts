import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { openMountPoint } from "./bind.ts";
import { mountsWithin, readMountinfo } from "./mountinfo.ts";
import { detachMount } from "./syscalls.ts";

/** Mounts stacked or made meanwhile are met by looking again, this many times. */
const ROUNDS = 4;

/**
 * Unmounts everything at and below exactly `dir`, what stands on another mount first. May be repeated.
 *
 * Mounts are detached (MNT_DETACH): a daemon that still holds a file in one cannot keep it visible. No
 * symbolic link is followed on the way, so a link put there by someone else cannot lead to another mount;
 * such a mount goes with the one it stands on.
 *
 * @param dir absolute and without symbolic links; need not exist
 * @returns how many mounts there were
 * @throws FAILED_PRECONDITION with one line of evidence for each mount that is left
 */
export function unmountBelow(dir: string): number {
  let count = 0;
  const failures: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const mounts = mountsWithin(readMountinfo(), dir);
    if (mounts.length === 0) return count;
    if (round === 0) count = mounts.length;
    failures.length = 0;
    for (const { mountPoint } of mounts) {
      try {
        using mount = openMountPoint(mountPoint);
        detachMount(mount, mountPoint);
      } catch (error) {
        failures.push(asKuasarError(error).message);
      }
    }
  }
  const left = mountsWithin(readMountinfo(), dir).map((entry) => `still mounted: ${entry.mountPoint}`);
  if (left.length === 0) return count;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot unmount all below ${dir}: ${left.length} mounts are left`,
    {
      evidence: [...left, ...failures],
    },
  );
}
