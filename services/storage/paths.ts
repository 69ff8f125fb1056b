import { checkId } from "../../lib/oci/mod.ts";

/** Names below `<run-dir>/storage` that are not directories of a sandbox. */
export const STATE_FILE = "state.db";

/** Where the files of one sandbox are on the host. */
export interface SandboxPaths {
  /** A mount of its own that nobody can bind. */
  base: string;
  /** What the share holds of our own, writable for us. Nothing is ever mounted in it. */
  tree: string;
  /** `tree` again, read-only: what the guest sees. Rootfs and volumes are mounted here. */
  shared: string;
  /** vhost-user socket of virtiofsd. */
  socket: string;
  /** What virtiofsd says. */
  log: string;
}

/** Where the files of one container are on the host. */
export interface ContainerPaths {
  /** Our own files, in `tree`. */
  tree: string;
  /** The same directory as the guest sees it, in `shared`; mounts are made here. */
  shared: string;
}

/** The directory of this service. */
export function storageDir(runDir: string): string {
  return `${runDir}/storage`;
}

/** Where disks of containers are unless the configuration says so: no id of a sandbox begins with a dot. */
export function imageDir(runDir: string): string {
  return `${storageDir(runDir)}/.images`;
}

/** Where the sockets of daemons are: VMMs are shown them, and of an unbindable mount nothing can be shown. */
function socketDir(runDir: string): string {
  return `${storageDir(runDir)}/.sockets`;
}

/** @throws INVALID_ARGUMENT for an id that cannot be part of a path */
export function sandboxPaths(runDir: string, sandboxId: string): SandboxPaths {
  // Names that begin like the state file (state.db-wal) are not ids of any orchestrator.
  checkId(sandboxId.startsWith(STATE_FILE) ? "" : sandboxId, "sandbox id");
  const base = `${storageDir(runDir)}/${sandboxId}`;
  return {
    base,
    tree: `${base}/tree`,
    shared: `${base}/shared`,
    socket: `${socketDir(runDir)}/${sandboxId}.sock`,
    log: `${base}/virtiofsd.log`,
  };
}

/** @throws INVALID_ARGUMENT for an id that cannot be part of a path */
export function containerPaths(paths: SandboxPaths, containerId: string): ContainerPaths {
  checkId(containerId, "container id");
  return { tree: `${paths.tree}/${containerId}`, shared: `${paths.shared}/${containerId}` };
}
