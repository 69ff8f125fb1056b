import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the Cloud Hypervisor driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "cloud-hypervisor",
  folder: "cloud_hypervisor",
  handlers: ["kuasar-cloud-hypervisor", "kuasar-clh"],
  runtimeType: "io.containerd.kuasar-vmm.v2",
  // No package of Debian has Cloud Hypervisor itself.
  tools: ["virtiofsd"],
  vm: true,
  configFile: "config_clh.toml",
  configuration: ({ tools, kernel, initrd, memoryMib, kernelParams }) =>
    tomlTable("hypervisor", {
      path: tools.cloudHypervisor,
      kernel_path: kernel,
      initrd_path: initrd,
      memory_in_mb: memoryMib,
      kernel_params: kernelParams,
    }),
};
