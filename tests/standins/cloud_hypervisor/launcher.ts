import { hostTools } from "../../../deploy/host/mod.ts";
import { root } from "../../root.ts";
import type { StandIn } from "../mod.ts";
import { writeLauncher } from "../write_launcher.ts";
import type { StandInOptions } from "./options.ts";

/** The version that the stand-in claims to be. */
const VERSION = "53.0.0";

/** Writes the stand-in as one executable file. */
export async function writeCloudHypervisor(
  path: string,
  change: Partial<Omit<StandInOptions, "qemu" | "vhostDeviceVsock">> = {},
): Promise<void> {
  const { qemu, vhostDeviceVsock } = hostTools();
  const options: StandInOptions = { version: VERSION, qemu, vhostDeviceVsock, ...change };
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
