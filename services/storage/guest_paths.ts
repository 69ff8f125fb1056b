/** Where things are in the guest; the contract is docs/architecture.md, "The guest's file system". */

/** Mount tag of the share. */
export const SHARE_TAG = "kuasar";
/** Where the guest mounts the share. */
export const STATE_DIR = "/run/kuasar/state";
/** The pod's own files: hostname, hosts, resolv.conf, and what its containers have in common. */
export const POD_DIR = "/run/kuasar/pod";
/** The pod's /dev/shm. */
export const POD_SHM = `${POD_DIR}/shm`;
/** tmpfs volumes of the pod, by a name made from the host's path. */
export const POD_VOLUMES = `${POD_DIR}/volumes`;
/** Disks of containers and what they write to them, where nothing is shared. */
export const DISKS_DIR = "/run/kuasar/disks";
/** The pod's namespaces. */
export const NAMESPACE_DIR = "/run/sandbox-ns";

/** The bundle of a container. */
export function guestBundle(containerId: string): string {
  return `${STATE_DIR}/${containerId}`;
}

/** The root file system of a container. */
export function guestRootfs(containerId: string): string {
  return `${guestBundle(containerId)}/rootfs`;
}

/** Volume number `index` of a container. */
export function guestVolume(containerId: string, index: number): string {
  return `${guestBundle(containerId)}/volumes/${index}`;
}
