import { exists } from "../../../lib/files/mod.ts";
import { closeFd } from "../../../lib/libc/mod.ts";
import type { MachineConfig as QemuConfig } from "../qemu/config.ts";
import { QemuVm, type VmEnd } from "../qemu/vm.ts";
import {
  checkBalloon,
  checkBootSource,
  checkDrive,
  checkMachine,
  checkMacs,
  checkStart,
  checkVsock,
  mustOpen,
  systemWords,
  takeTap,
} from "./checks.ts";
import type { CommandLine } from "./command_line.ts";
import { afterStart, beforeStart, Fault, strictness, Unrecoverable } from "./fault.ts";
import { minorOf, type StandInOptions } from "./options.ts";
import {
  type Balloon,
  type BootSource,
  type Drive,
  type MachineConfig,
  type NetworkInterface,
  Resources,
  type SnapshotCreate,
  type SnapshotLoad,
  type Vsock,
} from "./resources.ts";
import { copySerial } from "./serial.ts";

const MIB = 1024 * 1024;
const NO_DEVICE = "Failed perform action on device: Device not found";
const DEFAULT_BOOT_ARGS = "reboot=k panic=1 nomodule 8250.nr_uarts=0";

/** The state machine behind the API: a VM is described, started once, and then changed. */
export class Vmm {
  readonly #options: StandInOptions;
  readonly #line: CommandLine;
  readonly #workDir: string;
  readonly #ended: (end: VmEnd) => void;
  readonly #resources = new Resources();
  readonly #taps = new Map<string, number>();
  #metricsPath: string | undefined;
  #vm: QemuVm | undefined;
  #paused = false;
  /** True once something was said of a VM: what is loaded needs a process to which nothing was. */
  #configured = false;

  /** @param ended called when the guest has ended by itself */
  constructor(options: StandInOptions, line: CommandLine, workDir: string, ended: (end: VmEnd) => void) {
    this.#options = options;
    this.#line = line;
    this.#workDir = workDir;
    this.#ended = ended;
  }

  info(): unknown {
    const state = this.#vm === undefined ? "Not started" : this.#paused ? "Paused" : "Running";
    return { id: this.#line.id, state, vmm_version: this.#options.version, app_name: "Firecracker" };
  }

  version(): unknown {
    return { firecracker_version: this.#options.version };
  }

  machineConfig(): unknown {
    return { smt: false, track_dirty_pages: false, huge_pages: "None", ...this.#resources.machine };
  }

  balloon(): unknown {
    const { balloon } = this.#resources;
    if (balloon) return withBalloonDefaults(balloon);
    throw new Fault(
      this.#vm ? `Internal VMM error: ${NO_DEVICE}` : "Balloon config error: No balloon device found.",
    );
  }

  /** In an order of its own: the real one's is that of a hash map. */
  vmConfig(): unknown {
    const { drives, bootSource, nics, vsock, entropy, balloon } = this.#resources;
    return {
      balloon: balloon ? withBalloonDefaults(balloon) : null,
      drives: [...drives].reverse().map((drive) => ({
        partuuid: null,
        cache_type: "Unsafe",
        is_read_only: false,
        io_engine: "Sync",
        rate_limiter: null,
        socket: null,
        ...drive,
      })),
      "boot-source": { kernel_image_path: "", initrd_path: null, boot_args: null, ...bootSource },
      "cpu-config": null,
      "logger": null,
      "machine-config": this.machineConfig(),
      metrics: null,
      "mmds-config": null,
      "network-interfaces": nics.map((nic) => ({
        guest_mac: null,
        ...(minorOf(this.#options) >= 16 && { mtu: null }),
        rx_rate_limiter: null,
        tx_rate_limiter: null,
        ...nic,
      })),
      vsock: vsock ?? null,
      entropy: entropy ? { rate_limiter: null } : null,
      pmem: [],
      "memory-hotplug": null,
    };
  }

  setMachine(machine: MachineConfig): void {
    this.#notStarted();
    this.#configured = true;
    checkMachine(machine, this.#resources.balloon);
    this.#resources.machine = machine;
  }

  setBootSource(source: BootSource): void {
    this.#notStarted();
    this.#configured = true;
    checkBootSource(source);
    this.#resources.bootSource = source;
  }

  setDrive(drive: Drive): void {
    this.#notPluggedIn("a drive");
    this.#configured = true;
    const { drives } = this.#resources;
    const place = drives.findIndex(({ drive_id }) => drive_id === drive.drive_id);
    const root = drives.findIndex(({ is_root_device }) => is_root_device);
    if (drive.is_root_device && root >= 0 && root !== place) {
      throw new Fault("Drive config error: A root block device already exists!");
    }
    checkDrive(drive);
    if (place >= 0) drives[place] = drive;
    else if (drive.is_root_device) drives.unshift(drive);
    else drives.push(drive);
  }

  setNic(nic: NetworkInterface): void {
    this.#notPluggedIn("a NIC");
    this.#configured = true;
    const others = this.#resources.nics.filter(({ iface_id }) => iface_id !== nic.iface_id);
    checkMacs([...others, nic]);
    const before = this.#taps.get(nic.iface_id);
    if (before !== undefined) closeFd(before);
    this.#taps.set(nic.iface_id, takeTap(nic));
    this.#resources.nics = [...others, nic];
  }

  setVsock(vsock: Vsock): void {
    this.#notStarted();
    this.#configured = true;
    if (vsock.guest_cid < 3) throw strictness(`the CID ${vsock.guest_cid} is the host's`);
    checkVsock(vsock);
    this.#resources.vsock = vsock;
  }

  setEntropy(): void {
    this.#notStarted();
    this.#configured = true;
    this.#resources.entropy = true;
  }

  setBalloon(balloon: Balloon): void {
    this.#notStarted();
    this.#configured = true;
    checkBalloon(balloon, this.#resources.machine);
    this.#resources.balloon = balloon;
  }

  async updateBalloon({ amount_mib }: { amount_mib: number }): Promise<void> {
    const vm = this.#started();
    const { balloon, machine } = this.#resources;
    if (!balloon) throw new Fault(`Balloon update error: ${NO_DEVICE}`);
    if (amount_mib > machine.mem_size_mib) {
      throw new Fault("Balloon update error: Amount of pages requested cannot be allocated.");
    }
    balloon.amount_mib = amount_mib;
    await vm.setBalloon(amount_mib * MIB);
  }

  setSerial({ serial_out_path }: { serial_out_path?: string }): void {
    this.#notStarted();
    this.#resources.serialPath = serial_out_path;
  }

  setMetrics({ metrics_path }: { metrics_path: string }): void {
    this.#notStarted();
    const refuse = (why: string) =>
      new Fault(`Metrics error: Cannot initialize the metrics system due to bad user input: ${why}`);
    if (this.#metricsPath !== undefined) throw refuse("Reinitialization of metrics not allowed.");
    try {
      Deno.openSync(metrics_path, { create: true, append: true }).close();
    } catch (error) {
      throw refuse(systemWords(error));
    }
    this.#metricsPath = metrics_path;
  }

  async act({ action_type }: { action_type: string }): Promise<void> {
    if (action_type === "InstanceStart") return await this.#start();
    this.#started();
    if (action_type === "SendCtrlAltDel") throw strictness("our guests listen to no keyboard");
    // Without a file there is nothing to be done, and nothing is said.
    if (this.#metricsPath === undefined) return;
    await Deno.writeTextFile(this.#metricsPath, `${JSON.stringify({ utc_timestamp_ms: Date.now() })}\n`, {
      append: true,
    });
  }

  async #start(): Promise<void> {
    this.#notStarted();
    checkStart(this.#resources, this.#line.pci, minorOf(this.#options));
    try {
      await this.#run(undefined);
    } catch (error) {
      throw new Fault(`Start microvm error: ${(error as Error).message}`);
    }
  }

  /** @param saved the memory of a VM that goes on; undefined lets one boot */
  async #run(saved: string | undefined): Promise<void> {
    const vm = await QemuVm.start(this.#qemuConfig(), {
      options: this.#options,
      workDir: this.#workDir,
      taps: new Map([...this.#taps].map(([id, fd]) => [id, [fd]])),
      serialFd: undefined,
      share: undefined,
      frozen: true,
      ...(saved !== undefined && { saved }),
    });
    try {
      await copySerial(`${this.#workDir}/s`, this.#resources.serialPath);
      if (saved === undefined) await vm.resume();
    } catch (error) {
      await vm.kill();
      throw error;
    }
    this.#vm = vm;
    this.#paused = saved !== undefined;
    void vm.ended.then(this.#ended);
  }

  async createSnapshot({ snapshot_path, mem_file_path, snapshot_type }: SnapshotCreate): Promise<void> {
    const vm = this.#started();
    if (snapshot_type === "Diff") throw strictness("a snapshot of differences");
    if (!this.#paused) {
      throw new Fault(
        "Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running",
      );
    }
    mustCreate(snapshot_path, "snapshot");
    mustCreate(mem_file_path, "memory");
    await vm.save(mem_file_path);
    await Deno.writeTextFile(snapshot_path, JSON.stringify(this.#resources));
  }

  /** @throws {Unrecoverable} where the process is of no use any more */
  async loadSnapshot(body: SnapshotLoad): Promise<void> {
    this.#notStarted();
    const { mem_backend, mem_file_path, network_overrides = [] } = body;
    if ((mem_backend === undefined) === (mem_file_path === undefined)) {
      throw new Fault(
        "An error occurred when deserializing the json body of a request: " +
          (mem_backend === undefined
            ? "missing field: either `mem_backend` or `mem_file_path` is required."
            : "too many fields: either `mem_backend` or `mem_file_path` exclusively is required."),
      );
    }
    if (mem_backend?.backend_type === "Uffd") throw strictness("a helper for page faults");
    if (this.#configured) {
      throw new Fault(
        "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.",
      );
    }
    try {
      const { serialPath } = this.#resources;
      Object.assign(this.#resources, await readState(body.snapshot_path), { serialPath });
      const { drives, nics, vsock } = this.#resources;
      drives.forEach(checkDrive);
      for (const { iface_id, host_dev_name } of network_overrides) {
        const nic = nics.find((one) => one.iface_id === iface_id);
        if (!nic) throw new Error(`Unknown Network Device: ${iface_id}`);
        nic.host_dev_name = host_dev_name;
      }
      for (const nic of nics) this.#taps.set(nic.iface_id, takeTap(nic));
      if (vsock && exists(vsock.uds_path)) throw new Error(`${vsock.uds_path}: Address in use`);
      await this.#run(mem_backend?.backend_path ?? mem_file_path!);
      if (body.resume_vm) await this.setState({ state: "Resumed" });
    } catch (error) {
      throw new Unrecoverable(
        `Load snapshot error: Failed to restore from snapshot: ${(error as Error).message}`,
      );
    }
  }

  async updateDrive(
    { drive_id: id, path_on_host: path }: { drive_id: string; path_on_host?: string },
  ): Promise<void> {
    const vm = this.#started();
    const drive = this.#resources.drives.find(({ drive_id }) => drive_id === id);
    const refuse = (why: string) =>
      new Fault(
        `Drive config error: Unable to patch the block device: ${why} Please verify the request arguments.`,
      );
    if (!drive) throw refuse(NO_DEVICE);
    if (path === undefined) throw strictness("an update of a drive that names no file");
    try {
      mustOpen(path, "Error manipulating the backing file:", !drive.is_read_only, path);
      await vm.replaceDisk(id, path);
    } catch (error) {
      throw refuse(`Block: Virtio backend error: ${(error as Error).message}`);
    }
    drive.path_on_host = path;
  }

  async setState({ state }: { state: "Paused" | "Resumed" }): Promise<void> {
    const vm = this.#started();
    // Both may be repeated.
    if (state === "Paused") await vm.pause();
    else await vm.resume();
    this.#paused = state === "Paused";
  }

  /** From 1.16 on what is told of a running VM's drives and NICs is plugged in. */
  #notPluggedIn(what: string): void {
    if (!this.#vm) return;
    if (minorOf(this.#options) < 16) throw afterStart();
    if (!this.#line.pci) throw new Fault("PCI is not enabled");
    throw strictness(`${what} would be plugged in, and the guest does not look at its bus`);
  }

  #notStarted(): void {
    if (this.#vm) throw afterStart();
  }

  #started(): QemuVm {
    if (!this.#vm) throw beforeStart();
    return this.#vm;
  }

  #qemuConfig(): QemuConfig {
    const { machine, bootSource, drives, nics, vsock, entropy } = this.#resources;
    const root = drives.find(({ is_root_device }) => is_root_device);
    const cmdline = [
      bootSource!.boot_args ?? DEFAULT_BOOT_ARGS,
      // Instead of `pci=off`: what the guest has is on PCI here.
      ...(root ? ["root=/dev/vda", root.is_read_only ? "ro" : "rw"] : []),
    ].join(" ");
    return {
      cpus: { boot_vcpus: machine.vcpu_count, max_vcpus: machine.vcpu_count },
      memory: { size: machine.mem_size_mib * MIB, hugepages: machine.huge_pages === "2M", prefault: false },
      payload: {
        kernel: bootSource!.kernel_image_path,
        cmdline,
        ...(bootSource!.initrd_path !== undefined && { initramfs: bootSource!.initrd_path }),
      },
      disks: drives.map(({ drive_id, path_on_host, is_read_only }) => ({
        id: drive_id,
        path: path_on_host!,
        readonly: is_read_only ?? false,
        // The real one's disks have serials, which tell of the file and mean nothing.
        serial: drive_id,
        // It locks no files.
        shared: true,
      })),
      net: nics.map(({ iface_id, guest_mac }) => ({ id: iface_id, ...(guest_mac && { mac: guest_mac }) })),
      ...(vsock && { vsock: { cid: vsock.guest_cid, socket: vsock.uds_path } }),
      ...(entropy && { rng: { src: "/dev/urandom" } }),
    };
  }
}

/** @throws {Fault} where a file of a snapshot cannot be written */
function mustCreate(path: string, what: string): void {
  try {
    Deno.openSync(path, { write: true, create: true }).close();
  } catch (error) {
    throw new Fault(
      `Create snapshot error: Cannot perform open on the ${what} backing file: ${systemWords(error)}`,
    );
  }
}

async function readState(path: string): Promise<Partial<Resources>> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    throw new Error(
      `Failed to get snapshot state from file: Failed to open snapshot file: ${systemWords(error)}`,
    );
  }
}

function withBalloonDefaults(balloon: Balloon): unknown {
  return {
    stats_polling_interval_s: 0,
    free_page_hinting: false,
    free_page_reporting: false,
    ...balloon,
  };
}
