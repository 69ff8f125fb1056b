import type { Fault } from "../../drivers/contract/conformance/mod.ts";
import type { GuestFiles } from "./qemu_config.ts";

/** The configuration of the Cloud Hypervisor driver for a test, as TOML. */
export function cloudHypervisorConfig(
  guest: GuestFiles,
  program: string,
  fault: Fault,
  garbage: string,
): string {
  const hypervisor: Record<string, string | number> = {
    path: program,
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
      hypervisor.path = "/nonexistent/cloud-hypervisor";
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
      hypervisor.boot_timeout = 5;
      break;
  }
  const lines = Object.entries(hypervisor).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return ["[hypervisor]", ...lines, ""].join("\n");
}
