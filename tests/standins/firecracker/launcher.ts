import { hostTools } from "../../../deploy/host/mod.ts";
import { root } from "../../root.ts";
import type { StandIn } from "../mod.ts";
import { writeLauncher } from "../write_launcher.ts";
import type { StandInOptions } from "./options.ts";

/** The version that the stand-in claims to be. */
const VERSION = "1.16.1";

/** The stand-in for Firecracker. */
export const firecracker: StandIn = {
  driver: "firecracker",
  tool: "firecracker",
  command: "firecracker",
  variable: "FIRECRACKER",
  async write(path) {
    const { qemu, vhostDeviceVsock } = hostTools();
    const options: StandInOptions = { version: VERSION, qemu, vhostDeviceVsock };
    await writeLauncher(path, `${root}/tests/standins/firecracker/main.ts`, options);
  },
};
