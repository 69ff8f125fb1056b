import { hostTools } from "../../deploy/host/mod.ts";
import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";
import { programUnderTest } from "../standins/mod.ts";
import { ping, powerOff } from "./guest_calls.ts";
import { endShares, startShare } from "./virtiofs_share.ts";
import { vmDriverCommand } from "./vm_driver_command.ts";
import { testGuest } from "./vm_guest.ts";

/** Where distributions put OVMF, which a q35 boots from. The stand-in wants to see a file and reads nothing of it. */
const FIRMWARE = "/usr/share/OVMF/OVMF_CODE.fd";

/** Places for disks: a microvm's, and the root ports that the driver makes. */
const DISKS = { microvm: 4, q35: 8 } as const;

/**
 * The StratoVirt driver of this checkout with a guest of ours.
 *
 * @param program the real one where it can run
 */
export function stratoVirtSubject(
  machine: "microvm" | "q35",
  program = async () => (await programUnderTest("stratovirt"))!,
): DriverUnderTest {
  return {
    name: "stratovirt",
    directory: "driver-sv",
    title: `stratovirt ${machine}`,
    disks: DISKS[machine],
    async command(runDir, fault) {
      const { path, tools } = await program();
      let firmware = FIRMWARE;
      if (tools.stratovirtVsock !== undefined) {
        firmware = `${runDir}/OVMF_CODE.fd`;
        await Deno.writeTextFile(firmware, "");
      }
      const own = {
        path,
        machine_type: machine,
        ...(machine === "q35" ? { firmware } : {}),
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
