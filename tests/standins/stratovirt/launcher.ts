import { hostTools } from "../../../deploy/host/mod.ts";
import { root } from "../../root.ts";
import type { StandIn } from "../mod.ts";
import { writeLauncher } from "../write_launcher.ts";
import type { StandInOptions } from "./options.ts";

/** The version that the stand-in claims to be. */
const VERSION = "2.5.0";

/** What distributions build it with. */
const FEATURES = ["vhost_vsock"];

/** Writes the stand-in as one executable file. */
export async function writeStratoVirt(
  path: string,
  change: Partial<Omit<StandInOptions, "qemu" | "vhostDeviceVsock">> = {},
): Promise<void> {
  const { qemu, vhostDeviceVsock } = hostTools();
  const options: StandInOptions = { version: VERSION, features: FEATURES, qemu, vhostDeviceVsock, ...change };
  await writeLauncher(path, `${root}/tests/standins/stratovirt/main.ts`, options);
}

/** The stand-in for StratoVirt. */
export const stratoVirt: StandIn = {
  driver: "stratovirt",
  tool: "stratovirt",
  command: "stratovirt",
  variable: "STRATOVIRT",
  // Its guests' vsock is vhost-device-vsock's: see command_line.ts.
  settings: { stratovirtVsock: "vhost-user" },
  write: (path) => writeStratoVirt(path),
};
