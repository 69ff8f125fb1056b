import { buildDir } from "../../lib/build/mod.ts";
import { CNI_BIN_DIR, TOOLS } from "./tools.ts";

export { installHost } from "./install.ts";
export { type Tool, TOOLS } from "./tools.ts";

/** Absolute paths of the external programs in the private prefix. */
export interface HostTools {
  qemu: string;
  virtiofsd: string;
  vhostDeviceVsock: string;
  containerd: string;
  ctr: string;
  runc: string;
  crun: string;
  criu: string;
  runsc: string;
  wasmedge: string;
  mkfsErofs: string;
  busyboxStatic: string;
  /** Directory with the CNI plugins. */
  cniBinDir: string;
}

/** Where the programs are once `installHost` has run. */
export function hostTools(): HostTools {
  const paths = Object.fromEntries(TOOLS.map((tool) => [tool.key, `${buildDir}/host/${tool.path}`]));
  return { ...paths, cniBinDir: `${buildDir}/host/${CNI_BIN_DIR}` } as unknown as HostTools;
}
