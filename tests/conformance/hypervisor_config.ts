import type { Fault } from "../../drivers/contract/conformance/mod.ts";
import type { TestGuest } from "./vm_guest.ts";

/** Keys of the table `[hypervisor]`. */
export type HypervisorKeys = Record<string, string | number | boolean>;

/**
 * The configuration of a VM driver for a test, as TOML.
 *
 * @param own the driver's own keys, the VMM among them
 * @param program the key of the VMM's path
 * @param garbage a file that is neither a kernel nor an initrd
 */
export function hypervisorConfig(
  guest: TestGuest,
  own: HypervisorKeys,
  program: string,
  fault: Fault,
  garbage: string,
): string {
  const keys: HypervisorKeys = {
    launcher_path: guest.launcher,
    kernel_path: guest.kernel,
    initrd_path: guest.initrd,
    kernel_params: guest.kernelParams,
    memory_in_mb: 256,
    boot_timeout: guest.bootTimeout,
    ...own,
    ...faultyKeys(program, fault, garbage),
  };
  const lines = Object.entries(keys).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return ["[hypervisor]", ...lines, ""].join("\n");
}

function faultyKeys(program: string, fault: Fault, garbage: string): HypervisorKeys {
  switch (fault) {
    case "none":
      return {};
    case "missing-kernel":
      return { kernel_path: "/nonexistent/kernel" };
    case "missing-vmm":
      return { [program]: "/nonexistent/vmm" };
    case "broken-kernel":
      return { kernel_path: garbage };
    case "broken-image":
      return { initrd_path: garbage };
    case "silent-guest":
      // No init to be found, and a root that never appears: the kernel waits without end.
      return { kernel_params: "rdinit=/nonexistent root=/dev/nowhere rootwait", boot_timeout: 5 };
  }
}
