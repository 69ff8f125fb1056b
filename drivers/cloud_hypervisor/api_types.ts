/** Bodies of Cloud Hypervisor's REST API, v40 to v53, with the fields that this driver uses. */

/** `PUT vm.create`. It drops fields that it does not know without a word: spelling is everything. */
export interface VmConfig {
  cpus: {
    boot_vcpus: number;
    max_vcpus: number;
    /** From v50 on. */
    nested?: boolean;
  };
  memory: {
    /** Bytes, as all sizes here. */
    size: number;
    shared: boolean;
    hugepages: boolean;
    prefault: boolean;
    hotplug_method?: "Acpi" | "VirtioMem";
    hotplug_size?: number;
  };
  payload: { kernel: string; cmdline: string; initramfs?: string };
  disks?: DiskConfig[];
  pmem?: PmemConfig[];
  fs?: FsConfig[];
  vsock: { id: string; cid: number; socket: string };
  rng?: { src: string };
  balloon: { size: number; deflate_on_oom: boolean; free_page_reporting: boolean };
  console: ConsoleConfig;
  serial: ConsoleConfig;
  landlock_enable?: boolean;
  landlock_rules?: LandlockRule[];
}

/** A disk. */
export interface DiskConfig {
  id: string;
  path: string;
  readonly: boolean;
  /** Up to 20 bytes; `/sys/block/<disk>/serial` in the guest. */
  serial?: string;
  /** From v50 on. Without it a detected raw image refuses writes to its first sector. */
  image_type?: "Raw";
}

/** A file that the guest sees as persistent memory. */
export interface PmemConfig {
  id: string;
  file: string;
  discard_writes: boolean;
}

/** A virtiofs share. */
export interface FsConfig {
  id: string;
  tag: string;
  socket: string;
  num_queues: number;
  queue_size: number;
}

/** A NIC, whose tap queues travel beside the request. */
export interface NetConfig {
  id: string;
  mac: string;
  /** Twice the number of descriptors. */
  num_queues: number;
  queue_size: number;
}

/** A VFIO device. */
export interface DeviceConfig {
  id: string;
  /** `/sys/bus/pci/devices/<address>/`. */
  path: string;
}

/** Where a console goes. `Socket` is for serial ports only. */
export interface ConsoleConfig {
  mode: "Off" | "Socket";
  socket?: string;
}

/** A path that a VMM under Landlock may still reach. */
export interface LandlockRule {
  path: string;
  access: "r" | "w" | "rw";
}

/** `GET vmm.ping`. */
export interface PingAnswer {
  version: string;
  /** Of its own PID namespace. */
  pid?: number;
  features?: string[];
}

/** `GET vm.info`. */
export interface VmInfo {
  state: "Created" | "Running" | "Paused" | "Shutdown" | "BreakPoint";
  /** As it is now: what was resized is in it. */
  config: {
    cpus?: { boot_vcpus: number; max_vcpus: number } | null;
    memory?: { size: number; shared?: boolean; hotplug_size?: number | null } | null;
    balloon?: { size: number } | null;
    fs?: { id?: string | null }[] | null;
    net?: { id?: string | null }[] | null;
    pmem?: { id?: string | null }[] | null;
    devices?: { id?: string | null }[] | null;
    disks?: { id?: string | null; serial?: string | null }[] | null;
  };
  memory_actual_size?: number | null;
  /** Every device that the guest sees; one that was removed stays until the guest has let go of it. */
  device_tree?: Record<string, { pci_bdf?: string | null }> | null;
}

/** `GET vm.counters`: by device, then by counter. */
export type VmCounters = Record<string, Record<string, number>>;

/** `PUT vm.resize`. */
export interface ResizeRequest {
  desired_vcpus?: number;
  desired_ram?: number;
  desired_balloon?: number;
}

/** `PUT vm.restore`. */
export interface RestoreRequest {
  source_url: string;
  prefault?: boolean;
  /** From v52 on. */
  memory_restore_mode?: "Copy" | "OnDemand";
  /** From v52 on; earlier ones leave the VM paused. */
  resume?: boolean;
  net_fds?: { id: string; num_fds: number }[];
}

/** What is answered to a device that was added to a running VM. */
export interface AddedDevice {
  id: string;
  bdf: string;
}
