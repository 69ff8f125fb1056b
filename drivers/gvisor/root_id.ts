import { endMarked } from "../../lib/gvisor/mod.ts";

/**
 * What runsc knows a sandbox by: the id of its first container.
 *
 * A task without a pod has a sandbox with the task's own id (the shim programs), so that container needs another. runsc also
 * takes the beginning of an id for the whole, so this one has a begin mark besides the end mark that all have; none of
 * containerd's ids has such a sign.
 */
export function rootIdOf(sandboxId: string): string {
  return endMarked(`+${sandboxId}`);
}

/** Where runsc puts the control socket of a sandbox. @param root of its state */
export function controlSocket(root: string, sandboxId: string): string {
  return `${root}/runsc-${rootIdOf(sandboxId)}.sock`;
}
