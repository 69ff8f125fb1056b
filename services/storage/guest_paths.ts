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
/** Volumes in the share, each there once for all containers of the pod. */
export const ATTACHMENTS = ".volumes";
/** Where each container has its volumes, bound there by the agent. */
const BINDS_DIR = "/run/kuasar/binds";
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

/** A volume of the pod in the share. */
export function guestAttachment(id: string): string {
  return `${STATE_DIR}/${attachmentPlace(id)}`;
}

/** Where a volume of the pod is, below the share's top. No id of a container begins with a dot. */
export function attachmentPlace(id: string): string {
  return `${ATTACHMENTS}/${id}`;
}

/** Where a container has a volume of the pod, by the number of the mount in its spec. */
export function guestBind(containerId: string, index: number): string {
  return `${BINDS_DIR}/${containerId}/${index}`;
}
