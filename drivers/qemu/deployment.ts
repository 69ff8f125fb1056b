import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the QEMU driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "qemu",
  folder: "qemu",
  handlers: ["kuasar-qemu"],
  runtimeType: "io.containerd.kuasar-vmm.v2",
  tools: ["qemu", "virtiofsd", "vhostDeviceVsock"],
  vm: true,
  powers: "file-serving-vm",
  configFile: `config_qemu_${Deno.build.arch}.toml`,
  configuration: ({ tools, agent, kernel, initrd, memoryMib, kernelParams, bootTimeoutS }) =>
    tomlTable("hypervisor", {
      qemu_path: tools.qemu,
      launcher_path: agent,
      kernel_path: kernel,
      initrd_path: initrd,
      vhost_device_vsock_path: tools.vhostDeviceVsock,
      memory_in_mb: memoryMib,
      kernel_params: kernelParams,
      boot_timeout: bootTimeoutS,
    }),
};
