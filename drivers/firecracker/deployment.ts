import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the Firecracker driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "firecracker",
  folder: "firecracker",
  handlers: ["kuasar-firecracker"],
  runtimeType: "io.containerd.kuasar-vmm.v2",
  // The files of containers become disks.
  tools: ["mkfsErofs"],
  program: {
    path: "/usr/bin/firecracker",
    versionArgs: ["--version"],
    minVersion: "1.14",
    remedy: "take it from a release of https://github.com/firecracker-microvm/firecracker",
  },
  vm: true,
  powers: "vm",
  needsKvm: true,
  sharesNothing: true,
  configFile: `config_firecracker_${Deno.build.arch}.toml`,
  configuration: ({ tools, agent, kernel, initrd, memoryMib, kernelParams, bootTimeoutS }) =>
    tomlTable("hypervisor", {
      path: tools.firecracker,
      launcher_path: tools.launcher ?? agent,
      kernel_path: kernel,
      initrd_path: initrd,
      memory_in_mb: memoryMib,
      kernel_params: kernelParams,
      boot_timeout: bootTimeoutS,
    }),
};
