import { exists } from "../../lib/files/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import { checkUnixPath } from "./unix_path.ts";

/** The port of the guest's readiness message; with hybrid vsock it arrives at `vm.vsock_1027`. */
export const READINESS_PORT = 1027;

/** What the paths of a VMM's sockets depend on. */
export interface VmmSockets {
  controlSocket: string;
  ownSockets: boolean;
}

/** Where the files of one sandbox are, below `<run-dir>/driver-<name>/<sandbox>/`. */
export interface SandboxPaths {
  dir: string;
  /** What the VMM and its helper make and find by name is here, and nothing of the driver's own. */
  vmDir: string;
  /** The VMM's own control socket: `qmp.sock`, `api.sock`. */
  monitor: string;
  /** Where the VMM's console output is read from. */
  consoleSocket: string;
  /** vhost-user socket of vhost-device-vsock. */
  vhostSocket: string;
  /** Hybrid vsock: connect here, write `CONNECT <port>\n`. */
  vsock: string;
  /** What the guest's connection to the readiness port arrives at. */
  readiness: string;
  /** The guest's console output, capped. */
  console: string;
  /** stderr of the VMM. */
  vmmLog: string;
  /** stderr of vhost-device-vsock. */
  vsockLog: string;
}

/**
 * The paths of a sandbox.
 *
 * @param driverDir `<run-dir>/driver-<name>`
 * @param vmm file name of the VMM's control socket, and whether the VMM makes its sockets by itself
 * @throws {KuasarError} INVALID_ARGUMENT for an id that is no safe file name, or too long for a socket below it
 */
export function sandboxPaths(driverDir: string, id: string, vmm: VmmSockets): SandboxPaths {
  checkId(id, "sandbox id");
  const dir = `${driverDir}/${id}`;
  // A VM of an earlier driver has all in one directory.
  const vmDir = exists(dir) && !exists(`${dir}/vm`) ? dir : `${dir}/vm`;
  const socketDir = vmm.ownSockets ? vmDir : dir;
  const readiness = `${vmDir}/vm.vsock_${READINESS_PORT}`;
  checkUnixPath(readiness);
  return {
    dir,
    vmDir,
    monitor: `${socketDir}/${vmm.controlSocket}`,
    consoleSocket: `${socketDir}/console.sock`,
    vhostSocket: `${vmDir}/vhost.sock`,
    vsock: `${vmDir}/vm.vsock`,
    readiness,
    console: `${dir}/console.log`,
    vmmLog: `${dir}/vmm.log`,
    vsockLog: `${dir}/vsock.log`,
  };
}
