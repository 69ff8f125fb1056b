import { hostTools } from "../../../deploy/host/mod.ts";
import { root } from "../../root.ts";
import type { StandIn } from "../mod.ts";
import { writeLauncher } from "../write_launcher.ts";
import type { StandInOptions } from "./options.ts";

/** The version that the stand-in claims to be. */
const VERSION = "53.0.0";

/** Writes the stand-in of a version as one executable file. */
export async function writeCloudHypervisor(path: string, version = VERSION): Promise<void> {
  const { qemu, vhostDeviceVsock } = hostTools();
  const options: StandInOptions = { version, qemu, vhostDeviceVsock };
  await writeLauncher(path, `${root}/tests/standins/cloud_hypervisor/main.ts`, options);
}

/** The stand-in for Cloud Hypervisor. */
export const cloudHypervisor: StandIn = {
  driver: "cloud-hypervisor",
  tool: "cloudHypervisor",
  command: "cloud-hypervisor",
  variable: "CLOUD_HYPERVISOR",
  write: (path) => writeCloudHypervisor(path),
};
