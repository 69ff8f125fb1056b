/** Names a checkpoint for a pod to be restored from. */
export const RESTORE_ANNOTATION = "io.kuasar.gvisor.restore";

/** Beside gVisor's own files of a checkpoint: the names of the containers in it, as a list in JSON. */
export const CONTAINERS_FILE = "kuasar-containers.json";
