import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { programUnderTest } from "../standins/mod.ts";
import { ping, powerOff } from "./guest_calls.ts";
import { vmDriverCommand } from "./vm_driver_command.ts";
import { testGuest } from "./vm_guest.ts";

/** The Firecracker driver of this checkout with a guest of ours, under the real program where it can run. */
export function firecrackerSubject(): DriverUnderTest {
  return {
    name: "firecracker",
    directory: "driver-fc",
    async command(runDir, fault) {
      const { path } = (await programUnderTest("firecracker"))!;
      return await vmDriverCommand("firecracker", testGuest(), { path }, "path", runDir, fault);
    },
    // Nothing is shared: containers have disks.
    share: () =>
      Promise.resolve({
        kind: ShareKind.BLOCK,
        tag: "",
        hostDir: "",
        socketPath: "",
        guestDir: "/run/kuasar/state",
      }),
    powerOff,
    ping,
  };
}
