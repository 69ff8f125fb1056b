/** Bodies of Firecracker's REST API, 1.14 to 1.16, with the fields that this driver uses. It refuses all that it does not know. */

/** `PUT /machine-config`. */
export interface MachineConfig {
  vcpu_count: number;
  mem_size_mib: number;
  smt: boolean;
  huge_pages?: "None" | "2M";
}

/** `PUT /boot-source`. */
export interface BootSource {
  /** An ELF kernel; a bzImage from 1.17 on. */
  kernel_image_path: string;
  initrd_path?: string;
  /** Behind it come `pci=off` without PCI, and `root=/dev/vda` with `ro` or `rw` where a drive is the root device. */
  boot_args: string;
}

/** `PUT /drives/{drive_id}`. */
export interface Drive {
  /** Letters, digits and `_`, as all ids here; the same as in the path. */
  drive_id: string;
  path_on_host: string;
  is_root_device: boolean;
  is_read_only: boolean;
  /** Unsafe drops what a guest asks to be flushed. */
  cache_type?: "Unsafe" | "Writeback";
  io_engine?: "Sync" | "Async";
}

/** `PATCH /drives/{drive_id}`, once the VM runs. What was read-only stays so. */
export interface DriveUpdate {
  drive_id: string;
  path_on_host: string;
}

/** `PUT /network-interfaces/{iface_id}`. The tap is opened by its name, with one queue. */
export interface NetworkInterface {
  iface_id: string;
  host_dev_name: string;
  guest_mac: string;
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

/** `PUT /serial`: a file or a named pipe for what the guest prints. */
export interface Serial {
  serial_out_path: string;
}

/** `GET /`. */
export interface InstanceInfo {
  id: string;
  state: "Not started" | "Running" | "Paused";
  vmm_version: string;
  app_name: string;
}

/** `GET /vm/config`; the order of the drives is no particular one. */
export interface FullVmConfig {
  drives: { drive_id: string; path_on_host: string | null; is_read_only: boolean | null }[];
  "machine-config": MachineConfig;
  "network-interfaces"?: NetworkInterface[];
  balloon: Balloon | null;
}

/** `PUT /snapshot/create`, of a VM that is paused. Both files are made or overwritten; disks are for the caller to keep. */
export interface SnapshotCreate {
  snapshot_type: "Full" | "Diff";
  snapshot_path: string;
  mem_file_path: string;
}

/** `PUT /snapshot/load`, into a process to which nothing was said before. The memory file backs the guest as long as it runs. */
export interface SnapshotLoad {
  snapshot_path: string;
  mem_backend: { backend_type: "File" | "Uffd"; backend_path: string };
  resume_vm: boolean;
  /** Other taps than those that the snapshot names. */
  network_overrides?: { iface_id: string; host_dev_name: string }[];
  /** Another socket than that which the snapshot names; from 1.16 on. */
  vsock_override?: { uds_path: string };
}
