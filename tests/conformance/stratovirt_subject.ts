import { hostTools } from "../../deploy/host/mod.ts";
import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";
import { programUnderTest } from "../standins/mod.ts";
import { ping, powerOff } from "./guest_calls.ts";
import { endShares, startShare } from "./virtiofs_share.ts";
import { vmDriverCommand } from "./vm_driver_command.ts";
import { testGuest } from "./vm_guest.ts";

/** The StratoVirt driver of this checkout with a guest of ours, under the real program where it can run. */
export function stratoVirtSubject(): DriverUnderTest {
  return {
    name: "stratovirt",
    async command(runDir, fault) {
      const { path, tools } = (await programUnderTest("stratovirt"))!;
      const own = {
        path,
        vsock: tools.stratovirtVsock ?? "kernel",
        vhost_device_vsock_path: hostTools().vhostDeviceVsock,
      };
      // On x86 it takes no ELF file.
      const guest = {
        ...testGuest(),
        kernel: Deno.env.get("KUASAR_TEST_KERNEL") ?? `${root}/build/kernel/vmlinuz`,
      };
      return await vmDriverCommand("stratovirt", guest, own, "path", runDir, fault);
    },
    // A daemon for each start: virtiofsd serves one VM.
    share: startShare,
    endShares,
    powerOff,
    ping,
  };
}
