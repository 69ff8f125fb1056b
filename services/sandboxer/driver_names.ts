/** Every driver that exists; its socket is `driver-<name>.sock`. */
export const DRIVERS = [
  "qemu",
  "cloud-hypervisor",
  "stratovirt",
  "runc",
  "wasm",
  "gvisor",
  "quark",
] as const;
