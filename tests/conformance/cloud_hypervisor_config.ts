import { hostTools } from "../../deploy/host/mod.ts";
import type { Fault } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";
import type { StandInOptions } from "../standins/cloud_hypervisor/options.ts";
import type { GuestFiles } from "./qemu_config.ts";

/** The version that the stand-in claims to be. */
const VERSION = "53.0.0";

/** Writes a program below `dir` that is a stand-in for cloud-hypervisor, and returns its path. */
export async function writeStandIn(dir: string, version = VERSION): Promise<string> {
  const { qemu, vhostDeviceVsock } = hostTools();
  const options: StandInOptions = { version, qemu, vhostDeviceVsock };
  const path = `${dir}/cloud-hypervisor-stand-in`;
  const main = `${root}/tests/standins/cloud_hypervisor/main.ts`;
  const command = [
    Deno.execPath(),
    "run",
    "--allow-all",
    "--no-check",
    "--quiet",
    main,
    JSON.stringify(options),
  ];
  // A driver starts its VMM without HOME, by which Deno finds its cache.
  const home = Deno.env.get("HOME") ?? "/root";
  await Deno.writeTextFile(
    path,
    `#!/bin/sh\nexport HOME=${quote(home)}\nexec ${command.map(quote).join(" ")} "$@"\n`,
    {
      mode: 0o700,
    },
  );
  return path;
}

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

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
