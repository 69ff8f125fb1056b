import { hostTools } from "../../deploy/host/mod.ts";
import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { ping, powerOff } from "./guest_calls.ts";
import type { HypervisorKeys } from "./hypervisor_config.ts";
import { endShares } from "./virtiofs_share.ts";
import { vmDriverCommand } from "./vm_driver_command.ts";
import { testGuest } from "./vm_guest.ts";

/**
 * The QEMU driver of this checkout with a guest of ours.
 *
 * @param more keys of its configuration
 */
export function qemuSubject(more: HypervisorKeys = {}): DriverUnderTest {
  const tools = hostTools();
  const own = { qemu_path: tools.qemu, vhost_device_vsock_path: tools.vhostDeviceVsock, ...more };
  return {
    name: "qemu",
    command: (runDir, fault) => vmDriverCommand("qemu", testGuest(), own, "qemu_path", runDir, fault),
    async share(runDir) {
      const hostDir = `${runDir}/shared`;
      await Deno.mkdir(hostDir, { recursive: true });
      const guestDir = "/run/kuasar/state";
      return { kind: ShareKind.NINEP, tag: "kuasar", hostDir, socketPath: "", guestDir };
    },
    ownRoot: true,
    endShares,
    powerOff,
    ping,
  };
}
