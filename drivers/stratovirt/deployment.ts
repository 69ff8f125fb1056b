import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the StratoVirt driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "stratovirt",
  folder: "stratovirt",
  handlers: ["kuasar-stratovirt"],
  runtimeType: "io.containerd.kuasar-vmm.v2",
  tools: ["virtiofsd"],
  program: {
    path: "/usr/bin/stratovirt",
    versionArgs: ["-version"],
    minVersion: "2.1",
    remedy: "install openEuler's package stratovirt, or build https://gitee.com/openeuler/stratovirt",
  },
  vm: true,
  powers: "vm",
  needsKvm: true,
  configFile: `config_stratovirt_${Deno.build.arch}.toml`,
  configuration: ({ tools, agent, bzImage, initrd, memoryMib, kernelParams, bootTimeoutS }) =>
    tomlTable("hypervisor", {
      path: tools.stratovirt,
      launcher_path: tools.launcher ?? agent,
      kernel_path: bzImage,
      initrd_path: initrd,
      memory_in_mb: memoryMib,
      kernel_params: kernelParams,
      boot_timeout: bootTimeoutS,
      // Of the stand-in that tests run where StratoVirt cannot.
      vsock: tools.stratovirtVsock,
      vhost_device_vsock_path: tools.stratovirtVsock && tools.vhostDeviceVsock,
    }),
};
