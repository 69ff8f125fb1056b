/**
 * What runsc knows a sandbox by: the id of its first container.
 *
 * A task without a pod has a sandbox with the task's own id (the shim programs), so that container needs another. runsc also
 * takes the beginning of an id for the whole, and refuses one that begins two. So every id has an end mark
 * (`guest/host/runsc/container_id.ts`), and this one a begin mark too; none of containerd's ids has such a sign.
 */
export function rootIdOf(sandboxId: string): string {
  return `+${sandboxId}+`;
}

/** Where runsc puts the control socket of a sandbox. @param root of its state */
export function controlSocket(root: string, sandboxId: string): string {
  return `${root}/runsc-${rootIdOf(sandboxId)}.sock`;
}
