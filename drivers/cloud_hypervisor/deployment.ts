import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the Cloud Hypervisor driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "cloud-hypervisor",
  folder: "cloud_hypervisor",
  handlers: ["kuasar-cloud-hypervisor", "kuasar-clh"],
  runtimeType: "io.containerd.kuasar-vmm.v2",
  tools: ["virtiofsd"],
  program: {
    path: "/usr/local/bin/cloud-hypervisor",
    versionArgs: ["--version"],
    minVersion: "40",
    remedy: "take it from a release of https://github.com/cloud-hypervisor/cloud-hypervisor",
  },
  vm: true,
  powers: "vm",
  needsKvm: true,
  configFile: "config_clh.toml",
  configuration: ({ tools, agent, kernel, initrd, memoryMib, kernelParams, bootTimeoutS }) =>
    tomlTable("hypervisor", {
      path: tools.cloudHypervisor,
      launcher_path: tools.launcher ?? agent,
      kernel_path: kernel,
      initrd_path: initrd,
      memory_in_mb: memoryMib,
      kernel_params: kernelParams,
      boot_timeout: bootTimeoutS,
    }),
};
