/** The programs that a stand-in is built upon. */
export interface Foundation {
  /** Path of qemu-system-x86_64. */
  qemu: string;
  /** Path of vhost-device-vsock. */
  vhostDeviceVsock: string;
}

/** A disk. */
export interface MachineDisk {
  id?: string;
  path?: string;
  readonly?: boolean;
  serial?: string;
  /** True where others may have the file open as well. */
  shared?: boolean;
}

/** What QEMU is asked to be behind a stand-in, in the terms of Cloud Hypervisor's `VmConfig`, which has them all. */
export interface MachineConfig {
  cpus: { boot_vcpus: number; max_vcpus: number };
  /** In bytes. */
  memory: { size: number; hotplug_size?: number; hugepages: boolean; prefault: boolean };
  payload: { kernel?: string; cmdline?: string; initramfs?: string };
  disks?: readonly MachineDisk[];
  pmem?: readonly { id?: string; file: string; discard_writes?: boolean }[];
  net?: readonly { id?: string; mac?: string; mtu?: number }[];
  fs?: readonly { tag: string }[];
  /** A vhost-device-vsock of the stand-in's own, or the socket of one that its user has started. */
  vsock?: { cid: number; socket: string } | { vhostUser: string };
  rng?: { src: string };
}
