/** Bodies of the API, after their shapes were checked. */
export interface MachineConfig {
  vcpu_count: number;
  mem_size_mib: number;
  smt?: boolean;
  track_dirty_pages?: boolean;
  huge_pages?: "None" | "2M";
}

/** `PUT /boot-source`. */
export interface BootSource {
  kernel_image_path: string;
  initrd_path?: string;
  boot_args?: string;
}

/** `PUT /drives/{id}`. */
export interface Drive {
  drive_id: string;
  is_root_device: boolean;
  path_on_host?: string;
  is_read_only?: boolean;
  cache_type?: "Unsafe" | "Writeback";
  io_engine?: "Sync" | "Async";
  socket?: string;
}

/** `PUT /network-interfaces/{id}`. */
export interface NetworkInterface {
  iface_id: string;
  host_dev_name: string;
  guest_mac?: string;
}

/** `PUT /vsock`. */
export interface Vsock {
  guest_cid: number;
  uds_path: string;
}

/** `PUT /balloon`. */
export interface Balloon {
  amount_mib: number;
  deflate_on_oom: boolean;
}

/** `PUT /snapshot/create`. */
export interface SnapshotCreate {
  snapshot_path: string;
  mem_file_path: string;
  snapshot_type?: "Full" | "Diff";
}

/** `PUT /snapshot/load`. */
export interface SnapshotLoad {
  snapshot_path: string;
  mem_file_path?: string;
  mem_backend?: { backend_path: string; backend_type: "File" | "Uffd" };
  resume_vm?: boolean;
  network_overrides?: { iface_id: string; host_dev_name: string }[];
}

/** What a VM is made of, as it was told so far. */
export class Resources {
  machine: MachineConfig = { vcpu_count: 1, mem_size_mib: 128 };
  bootSource: BootSource | undefined;
  /** In the order in which the guest finds them: the root device first. */
  drives: Drive[] = [];
  nics: NetworkInterface[] = [];
  vsock: Vsock | undefined;
  balloon: Balloon | undefined;
  entropy = false;
  serialPath: string | undefined;

  /** Devices on the bus. */
  get devices(): number {
    const single = [this.vsock, this.balloon, this.entropy || undefined];
    return this.drives.length + this.nics.length + single.filter((one) => one !== undefined).length;
  }
}
