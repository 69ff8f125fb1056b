import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { programUnderTest } from "../standins/mod.ts";
import { ping, powerOff } from "./guest_calls.ts";
import { endShares, startShare } from "./virtiofs_share.ts";
import type { HypervisorKeys } from "./hypervisor_config.ts";
import { vmDriverCommand } from "./vm_driver_command.ts";
import { testGuest } from "./vm_guest.ts";

/**
 * The Cloud Hypervisor driver of this checkout with a guest of ours, under the real program where it can run.
 *
 * @param more keys of its configuration
 * @param program the real one where it can run
 */
export function cloudHypervisorSubject(
  more: HypervisorKeys = {},
  program = async () => (await programUnderTest("cloud-hypervisor"))!.path,
): DriverUnderTest {
  return {
    name: "cloud-hypervisor",
    directory: "driver-clh",
    async command(runDir, fault) {
      const path = await program();
      return await vmDriverCommand("cloud_hypervisor", testGuest(), { path, ...more }, "path", runDir, fault);
    },
    // A daemon for each start: virtiofsd serves one VM.
    share: startShare,
    endShares,
    powerOff,
    ping,
  };
}
