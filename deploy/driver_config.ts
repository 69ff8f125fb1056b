/** What the generated configuration of the QEMU driver names. All paths are absolute. */
export interface QemuConfigOptions {
  qemu: string;
  kernel: string;
  initrd: string;
  vhostDeviceVsock: string;
  /** Memory of a sandbox that asks for nothing else. */
  memoryMib?: number;
  /** Replaces the driver's own kernel parameters. */
  kernelParams?: string;
}

/** A configuration of the QEMU driver for what stands in the build folder, as TOML. */
export function qemuConfig(options: QemuConfigOptions): string {
  // JSON's strings are valid in TOML.
  const lines = {
    qemu_path: options.qemu,
    kernel_path: options.kernel,
    initrd_path: options.initrd,
    vhost_device_vsock_path: options.vhostDeviceVsock,
    memory_in_mb: options.memoryMib ?? 256,
    ...(options.kernelParams === undefined ? {} : { kernel_params: options.kernelParams }),
  };
  const text = Object.entries(lines).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `[hypervisor]\n${text.join("\n")}\n`;
}
