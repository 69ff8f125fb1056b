import { hostTools } from "../../deploy/host/mod.ts";
import type { Fault } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";

/** What a guest boots from. */
export interface GuestFiles {
  kernel: string;
  initrd: string;
}

/** What the checkout has built. */
export function builtGuest(): GuestFiles {
  return { kernel: `${root}/build/kernel/vmlinuz`, initrd: `${root}/build/image/kuasar.initrd` };
}

/** The configuration of the QEMU driver for a test, as TOML. */
export function qemuConfig(guest: GuestFiles, fault: Fault, garbage: string): string {
  const tools = hostTools();
  const hypervisor: Record<string, string | number> = {
    qemu_path: tools.qemu,
    vhost_device_vsock_path: tools.vhostDeviceVsock,
    kernel_path: guest.kernel,
    initrd_path: guest.initrd,
    kernel_params: "quiet",
    memory_in_mb: 256,
  };
  switch (fault) {
    case "missing-kernel":
      hypervisor.kernel_path = "/nonexistent/vmlinuz";
      break;
    case "missing-vmm":
      hypervisor.qemu_path = "/nonexistent/qemu";
      break;
    case "broken-kernel":
      hypervisor.kernel_path = garbage;
      break;
    case "broken-image":
      hypervisor.initrd_path = garbage;
      break;
    case "silent-guest":
      // No init to be found, and a root that never appears: the kernel waits without end.
      hypervisor.kernel_params = "rdinit=/nonexistent root=/dev/nowhere rootwait";
      hypervisor.boot_timeout = 4;
      break;
  }
  const lines = Object.entries(hypervisor).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return ["[hypervisor]", ...lines, ""].join("\n");
}
