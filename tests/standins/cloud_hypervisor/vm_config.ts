/** The parts of a `VmConfig` that the stand-in acts upon. `checkBody` has checked all of it. */
export interface VmConfig {
  cpus: { boot_vcpus: number; max_vcpus: number };
  memory: {
    size: number;
    shared: boolean;
    mergeable: boolean;
    hugepages: boolean;
    prefault: boolean;
    hotplug_method: "Acpi" | "VirtioMem";
    hotplug_size?: number;
    zones?: { id: string }[];
  };
  payload: { kernel?: string; cmdline?: string; initramfs?: string; firmware?: string; igvm?: string };
  disks?: DiskConfig[];
  net?: NetConfig[];
  fs?: FsConfig[];
  pmem?: PmemConfig[];
  vsock?: { id?: string; cid: number; socket: string };
  rng?: { src: string };
  balloon?: { size: number; free_page_reporting?: boolean };
  console: ConsoleConfig;
  serial: ConsoleConfig;
  landlock_enable?: boolean;
  landlock_rules?: { path: string; access: string }[];
}

/** A disk. */
export interface DiskConfig {
  id?: string;
  path?: string;
  readonly?: boolean;
  serial?: string;
  num_queues?: number;
  image_type?: string;
  vhost_user?: boolean;
}

/** A NIC. */
export interface NetConfig {
  id?: string;
  tap?: string;
  ip?: string;
  mask?: string;
  mac?: string;
  mtu?: number;
  num_queues?: number;
}

/** A virtio-fs device. */
export interface FsConfig {
  id?: string;
  tag: string;
  socket: string;
}

/** A file that is persistent memory. */
export interface PmemConfig {
  id?: string;
  file: string;
  discard_writes?: boolean;
}

/** `vm.restore`. */
export interface RestoreConfig {
  source_url: string;
  prefault?: boolean;
  memory_restore_mode?: "Copy" | "OnDemand";
  resume?: boolean;
  net_fds?: { id: string; num_fds: number }[];
}

/** Where a console's bytes go. */
export interface ConsoleConfig {
  mode: "Off" | "Pty" | "Tty" | "File" | "Socket" | "Null";
  file?: string;
  socket?: string;
}

/** Cloud Hypervisor's defaults over what a request leaves out. */
export function withDefaults(body: Partial<VmConfig> & Pick<VmConfig, "payload">): VmConfig {
  return {
    ...body,
    cpus: { ...{ boot_vcpus: 1, max_vcpus: 1 }, ...body.cpus },
    memory: {
      ...{
        size: 512 * 1024 * 1024,
        shared: false,
        mergeable: false,
        hugepages: false,
        prefault: false,
        hotplug_method: "Acpi",
      },
      ...body.memory,
    },
    rng: body.rng ?? { src: "/dev/urandom" },
    // Without these two the VMM would take its own terminal.
    console: body.console ?? { mode: "Tty" },
    serial: body.serial ?? { mode: "Null" },
  };
}

/** Every device of a configuration that has an id, in the order in which they get their places. */
export function devicesOf(config: VmConfig): { id?: string }[] {
  return [
    ...config.disks ?? [],
    ...config.net ?? [],
    ...config.fs ?? [],
    ...config.pmem ?? [],
    ...(config.vsock ? [config.vsock] : []),
  ];
}
