import { checkId } from "../../../lib/oci/mod.ts";

/** Where the files of one sandbox are, below `<run-dir>/driver-<name>/<sandbox>/`. */
export interface SandboxPaths {
  dir: string;
  /** Its namespaces, bind-mounted: they live without a process. */
  namespaces: string;
  ipc: string;
  uts: string;
  pid: string;
  /** `hostname`, `hosts` and `resolv.conf`, in a file system of their own. */
  files: string;
  /** What its containers see as /dev/shm. */
  shm: string;
  /** One directory per container. */
  containers: string;
  /** State of the OCI runtime. */
  runtime: string;
}

/** Where the files of one container are. */
export interface ContainerPaths {
  /** The bundle that the runtime gets. */
  dir: string;
  config: string;
  rootfs: string;
}

/** @throws KuasarError INVALID_ARGUMENT for an id that is no safe file name */
export function sandboxPaths(driverDir: string, id: string): SandboxPaths {
  const dir = `${driverDir}/${checkId(id, "sandbox id")}`;
  const namespaces = `${dir}/ns`;
  return {
    dir,
    namespaces,
    ipc: `${namespaces}/ipc`,
    uts: `${namespaces}/uts`,
    pid: `${namespaces}/pid`,
    files: `${dir}/files`,
    shm: `${dir}/shm`,
    containers: `${dir}/containers`,
    runtime: `${dir}/runtime`,
  };
}

/** @throws KuasarError INVALID_ARGUMENT for an id that is no safe file name */
export function containerPaths({ containers }: SandboxPaths, id: string): ContainerPaths {
  const dir = `${containers}/${checkId(id, "container id")}`;
  return { dir, config: `${dir}/config.json`, rootfs: `${dir}/rootfs` };
}
