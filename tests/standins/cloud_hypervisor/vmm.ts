import { exists } from "../../../lib/files/mod.ts";
import { closeFd, listenUnixFd } from "../../../lib/libc/mod.ts";
import { ApiError, strictness } from "./api_error.ts";
import { checkBoot, checkConfig } from "./boot_rules.ts";
import { DiskLocks } from "./disk_locks.ts";
import type { EventMonitor } from "./events.ts";
import { checkLandlock } from "./landlock.ts";
import { majorOf, type StandInOptions } from "./options.ts";
import { PciSlots } from "./pci_slots.ts";
import { QemuVm, type VmEnd } from "../qemu/vm.ts";
import { type SharedDirectory, takeShare } from "../qemu/shared_directory.ts";
import {
  devicesOf,
  type DiskConfig,
  type FsConfig,
  type NetConfig,
  type PmemConfig,
  type RestoreConfig,
  type VmConfig,
  withDefaults,
} from "./vm_config.ts";

const MEMORY_BLOCK = 128 * 1024 * 1024;
const MAX_MEMORY_ADDITIONS = 8;

const IN_USE = "Address already in use (os error 98)";

/** What a request is answered with: 200 with a value, or 204. */
export type Answer = unknown;

/** The state machine behind the API: at most one VM, made, booted, changed and ended by requests. */
export class Vmm {
  readonly #options: StandInOptions;
  readonly #events: EventMonitor;
  readonly #workDir: string;
  readonly #exit: (code: number) => void;
  readonly #slots = new PciSlots();
  /** Devices whose removal the guest has not confirmed. */
  readonly #leaving = new Set<string>();
  /** Devices that came into the running VM: only those, and disks, may leave it here. */
  readonly #plugged = new Set<string>();
  #config: VmConfig | undefined;
  #vm: QemuVm | undefined;
  #state: "Created" | "Running" | "Paused" = "Created";
  #taps = new Map<string, number[]>();
  #serialFd: number | undefined;
  #share: SharedDirectory | undefined;
  #memoryAdditions = 0;
  readonly #locks: DiskLocks;
  /** True from the request for fewer vCPUs until the guest has let go of the others. */
  #vcpusLeaving = false;

  /** @param exit ends the process, for a guest that has powered itself off */
  constructor(
    options: StandInOptions,
    events: EventMonitor,
    workDir: string,
    exit: (code: number) => void,
  ) {
    this.#options = options;
    this.#events = events;
    this.#workDir = workDir;
    this.#exit = exit;
    this.#locks = new DiskLocks(majorOf(options));
  }

  get #version(): number {
    return majorOf(this.#options);
  }

  ping(): Answer {
    const { version } = this.#options;
    // `tcg` stands where the real one names `kvm`.
    return { build_version: `v${version}`, version, pid: Deno.pid, features: ["tcg"] };
  }

  create(body: VmConfig): Answer {
    if (this.#config) throw refused("VmAlreadyCreated");
    // Stored before its consoles are opened, and kept where that fails.
    this.#config = withDefaults(body);
    const { serial, console, landlock_rules: rules = [], landlock_enable: landlock } = this.#config;
    for (const { mode, file } of [serial, console]) {
      if (mode === "Tty" || mode === "Pty") {
        throw strictness(`a driver has no use for a console on a ${mode}`);
      }
      // The real one ends with a panic.
      if (mode === "File" && file === undefined) throw strictness("a console on a file that is not named");
    }
    if (console.mode === "Socket") {
      throw refused("Error creating console devices", "No socket option support for console device");
    }
    this.#listenSerial();
    if (landlock) {
      for (const { access } of rules) {
        if (!/^(r|w|rw|wr)$/.test(access)) throw refused("ApplyLandlock", `Invalid access: ${access}`);
      }
    }
    return undefined;
  }

  async boot(): Promise<Answer> {
    const config = this.#created();
    if (this.#vm) throw refused("VmAlreadyBooted");
    this.#events.emit("vm", "booting");
    checkConfig(config, this.#version);
    checkBoot(config);
    for (const { id = "", num_queues = 2 } of config.net ?? []) {
      if ((this.#taps.get(id)?.length ?? 0) !== num_queues / 2) {
        throw strictness(`NIC ${id} was created without its ${num_queues / 2} tap descriptors`);
      }
    }
    this.#takeSlots(config);
    try {
      for (const disk of config.disks ?? []) this.#locks.take(disk);
      const fs = config.fs?.[0];
      if (fs) this.#share = await attempt("CreateVirtioFs", () => takeShare(fs.socket));
      await this.#startVm(config);
    } catch (error) {
      // It was not there before.
      removeIfThere(config.vsock?.socket);
      this.#slots.clear();
      this.#locks.clear();
      throw error;
    }
    this.#events.emit("vm", "booted");
    return undefined;
  }

  async snapshot(url: string): Promise<Answer> {
    const vm = this.#booted();
    if (this.#state !== "Paused") throw refused("VmSnapshot", "the VM is not paused");
    const directory = directoryOf(url);
    if (!exists(directory) || [...Deno.readDirSync(directory)].length > 0) {
      throw refused("VmSnapshot", `${directory} is not an empty directory`);
    }
    // The real one saves a virtio-fs; its daemon's state behind it is another matter.
    if (this.#share || this.#created().fs?.length) {
      throw strictness("a snapshot of a VM with a shared directory");
    }
    this.#events.emit("vm", "snapshotting");
    await attempt("VmSnapshot", () => vm.save(`${directory}/memory-ranges`));
    await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(this.#created()));
    await Deno.writeTextFile(`${directory}/state.json`, JSON.stringify({ places: this.#slots.entries() }));
    this.#events.emit("vm", "snapshotted");
    return undefined;
  }

  async restore(body: RestoreConfig, fds: number[]): Promise<Answer> {
    if (this.#config) throw refused("VmAlreadyCreated");
    const directory = directoryOf(body.source_url);
    let config: VmConfig;
    try {
      config = JSON.parse(await Deno.readTextFile(`${directory}/config.json`));
    } catch (error) {
      throw refused("VmRestore", (error as Error).message);
    }
    this.#events.emit("vm", "restoring");
    checkConfig(config, this.#version);
    checkBoot(config);
    if (body.memory_restore_mode === "OnDemand") {
      if (body.prefault) throw refused("VmRestore", "prefault and OnDemand exclude each other");
      if (this.#options.withoutUserfaultfd) throw refused("VmRestore", "userfaultfd is not available");
    }
    const listed = body.net_fds ?? [];
    if (listed.reduce((sum, { num_fds }) => sum + num_fds, 0) !== fds.length) {
      fds.forEach(closeFd);
      throw new ApiError(400, "Error from API", "the number of descriptors differs from net_fds");
    }
    for (const { id = "", num_queues = 2 } of config.net ?? []) {
      const own = listed.find((one) => one.id === id);
      if (!own) throw refused("VmRestore", `${id} is missing from net_fds`);
      // The real one runs into an assertion.
      if (own.num_fds !== num_queues / 2) throw strictness(`${id} has ${num_queues / 2} queue pairs`);
      this.#taps.set(id, fds.splice(0, own.num_fds));
    }
    this.#takeSlots(config);
    this.#config = config;
    try {
      this.#listenSerial();
      for (const disk of config.disks ?? []) this.#locks.take(disk);
      await this.#startVm(config, `${directory}/memory-ranges`);
    } catch (error) {
      // A failed restore leaves an empty process.
      await this.delete();
      throw error;
    }
    this.#state = "Paused";
    this.#events.emit("vm", "restored");
    return body.resume ? await this.resume() : undefined;
  }

  /** The file of the socket stays when the VM is deleted, and then the next VM cannot have it. */
  #listenSerial(): void {
    const { serial } = this.#created();
    if (serial.mode !== "Socket") return;
    const path = required(serial.socket);
    if (exists(path)) {
      throw refused("Error creating console devices", "Error creating console device", IN_USE);
    }
    this.#serialFd = listenUnixFd(path);
  }

  /** The VMM's own devices stand among the others. */
  #takeSlots(config: VmConfig): void {
    for (const { id } of devicesOf(config)) this.#slots.take(required(id));
    this.#slots.take("__rng");
    if (config.balloon) this.#slots.take("__balloon");
  }

  async #startVm(config: VmConfig, saved?: string): Promise<void> {
    const parts = {
      options: this.#options,
      workDir: this.#workDir,
      taps: this.#taps,
      serialFd: this.#serialFd,
      share: this.#share,
      ...(saved === undefined ? {} : { saved, frozen: true }),
    };
    // The locks are the stand-in's.
    const machine = { ...config, disks: config.disks?.map((disk) => ({ ...disk, shared: true })) ?? [] };
    const vm = await attempt("VmBoot", () => QemuVm.start(machine, parts));
    this.#vm = vm;
    this.#state = "Running";
    void vm.ended.then((end) => this.#ended(vm, end));
  }

  async #ended(vm: QemuVm, end: VmEnd): Promise<void> {
    if (this.#vm !== vm || end === "killed") return;
    if (end === "reset") {
      // The real one builds the VM again in the same process.
      this.#events.emit("vm", "rebooting");
      removeIfThere(this.#config?.vsock?.socket);
      await this.#startVm(this.#created());
      this.#events.emit("vm", "rebooted");
      return;
    }
    this.#vm = undefined;
    if (end === "crashed") {
      console.error("Stand-in: QEMU ended without a reason");
      return this.#exit(1);
    }
    this.#events.emit("vm", "shutdown");
    this.#exit(0);
  }

  async pause(): Promise<Answer> {
    const vm = this.#booted();
    if (this.#state !== "Running") throw refused("InvalidStateTransition", `${this.#state} to Paused`);
    this.#events.emit("vm", "pausing");
    await vm.pause();
    this.#state = "Paused";
    this.#events.emit("vm", "paused");
    return undefined;
  }

  async resume(): Promise<Answer> {
    const vm = this.#booted();
    if (this.#state !== "Paused") throw refused("InvalidStateTransition", `${this.#state} to Running`);
    this.#events.emit("vm", "resuming");
    await vm.resume();
    this.#state = "Running";
    this.#events.emit("vm", "resumed");
    return undefined;
  }

  async powerButton(): Promise<Answer> {
    await this.#booted().powerButton();
    return undefined;
  }

  async shutdown(): Promise<Answer> {
    const vm = this.#booted();
    this.#vm = undefined;
    this.#state = "Created";
    await vm.kill();
    this.#release();
    this.#events.emit("vm", "shutdown");
    return undefined;
  }

  async delete(): Promise<Answer> {
    if (this.#vm) await this.shutdown();
    this.#config = undefined;
    for (const fds of this.#taps.values()) fds.forEach(closeFd);
    this.#taps.clear();
    if (this.#serialFd !== undefined) closeFd(this.#serialFd);
    this.#serialFd = undefined;
    this.#events.emit("vm", "deleted");
    return undefined;
  }

  /** Ends everything, for the end of the process. */
  async close(): Promise<void> {
    const config = this.#config;
    await this.delete();
    if (config?.serial.mode === "Socket") removeIfThere(config.serial.socket);
    await Deno.remove(this.#workDir, { recursive: true }).catch(() => {});
    this.#events.emit("vmm", "shutdown");
  }

  async info(): Promise<Answer> {
    const config = this.#created();
    const tree: Record<string, unknown> = {};
    for (const [id, bdf] of this.#slots.entries()) {
      // A virtio device has no address: that is the function's around it.
      const parent = `_virtio-pci-${id}`;
      tree[id] = { id, resources: [], parent, children: [], pci_bdf: null };
      tree[parent] = { id: parent, resources: [], parent: null, children: [id], pci_bdf: bdf };
    }
    return {
      // Earlier versions name what is not set.
      config: this.#version >= 53 ? config : { ...UNSET, ...config },
      state: this.#state,
      memory_actual_size: await this.#vm?.memoryActualSize() ?? config.memory.size,
      ...(this.#vm && { device_tree: tree }),
    };
  }

  async counters(): Promise<Answer> {
    return await this.#booted().counters();
  }

  async addNet(body: NetConfig, fds: number[]): Promise<Answer> {
    const config = this.#created();
    const queues = body.num_queues ?? 2;
    if (fds.length === 0 && body.tap === undefined) {
      throw strictness("a NIC without descriptors and without a tap's name would get a tap of its own");
    }
    if (fds.length > 0 && queues !== fds.length * 2) {
      fds.forEach(closeFd);
      throw refused("ParseNetFd", `${queues} queues, ${fds.length} descriptors`);
    }
    const changed = { ...config, net: [...config.net ?? [], body] };
    checkConfig(changed, this.#version);
    for (const fd of fds) checkTap(fd);
    const id = required(body.id);
    if (this.#vm && body.mac === undefined) throw strictness("a NIC without a MAC address");
    this.#taps.set(id, fds);
    try {
      return await this.#plug(id, changed, "AddNet", (vm) => vm.addNic(id, required(body.mac), fds));
    } catch (error) {
      this.#closeTaps(id);
      throw error;
    }
  }

  async addDisk(body: DiskConfig): Promise<Answer> {
    const config = this.#created();
    const changed = { ...config, disks: [...config.disks ?? [], body] };
    checkConfig(changed, this.#version);
    const id = required(body.id);
    if (!this.#vm) return await this.#plug(id, changed, "AddDisk", async () => {});
    checkLandlock(config, body.path);
    this.#locks.take(body);
    try {
      return await this.#plug(id, changed, "AddDisk", (vm) => vm.addDisk({ ...body, shared: true }));
    } catch (error) {
      this.#locks.release(id);
      throw error;
    }
  }

  async addFs(body: FsConfig): Promise<Answer> {
    const config = this.#created();
    const changed = { ...config, fs: [...config.fs ?? [], body] };
    checkConfig(changed, this.#version);
    const id = required(body.id);
    if (this.#vm) checkLandlock(config, body.socket);
    return await this.#plug(id, changed, "AddFs", (vm) => vm.addFs(id, body.tag, body.socket));
  }

  async addPmem(body: PmemConfig): Promise<Answer> {
    const config = this.#created();
    const changed = { ...config, pmem: [...config.pmem ?? [], body] };
    checkConfig(changed, this.#version);
    const id = required(body.id);
    const { file, discard_writes: discardWrites = false } = body;
    if (this.#vm) checkLandlock(config, file);
    return await this.#plug(id, changed, "AddPmem", (vm) => vm.addPmem(id, file, discardWrites));
  }

  addDevice(body: { id?: string; path?: string }): Answer {
    this.#created();
    required(body.id);
    const path = required(body.path);
    if (!exists(path)) throw refused("AddDevice", `${path} does not exist`);
    throw refused("AddDevice", "Stand-in: nothing here has an IOMMU");
  }

  /** Takes a checked configuration over that has a device more; a running VM gets the device. */
  async #plug(
    id: string,
    changed: VmConfig,
    what: string,
    add: (vm: QemuVm) => Promise<void>,
  ): Promise<Answer> {
    if (this.#leaving.has(id)) throw refused("DeviceManager", `${id} is on its way out`);
    const vm = this.#vm;
    if (!vm) {
      this.#config = changed;
      return undefined;
    }
    const bdf = this.#slots.take(id);
    try {
      await attempt(what, () => add(vm));
    } catch (error) {
      this.#slots.free(id);
      throw error;
    }
    this.#config = changed;
    this.#plugged.add(id);
    return { id, bdf };
  }

  #closeTaps(id: string): void {
    this.#taps.get(id)?.forEach(closeFd);
    this.#taps.delete(id);
  }

  async removeDevice({ id }: { id: string }): Promise<Answer> {
    const config = this.#created();
    if (!devicesOf(config).some((device) => device.id === id)) throw refused("UnknownDeviceId", id);
    const without = <T extends { id?: string }>(list: T[] = []) => list.filter((item) => item.id !== id);
    const vm = this.#vm;
    if (vm) {
      if (!config.disks?.some((disk) => disk.id === id) && !this.#plugged.has(id)) {
        throw strictness(`${id} cannot leave a running VM here`);
      }
      if (this.#leaving.has(id)) throw refused("DeviceManager", `${id} is on its way out`);
      const bdf = this.#slots.entries().find(([other]) => other === id)?.[1] ?? "";
      this.#leaving.add(id);
      await attempt("RemoveDevice", () =>
        vm.removeDevice(id, () => {
          this.#locks.release(id);
          this.#leaving.delete(id);
          this.#plugged.delete(id);
          this.#closeTaps(id);
          this.#slots.free(id);
          this.#events.emit("vm", "device-removed", { id, bdf });
        }));
    }
    if (this.#version >= 53) this.#locks.release(id);
    // The configuration forgets it at once, the device tree when the guest has let go.
    this.#config = {
      ...config,
      disks: without(config.disks),
      net: without(config.net),
      fs: without(config.fs),
      pmem: without(config.pmem),
    };
    return undefined;
  }

  async resize(
    { desired_vcpus: vcpus, desired_ram: ram, desired_balloon: balloon }: {
      desired_vcpus?: number;
      desired_ram?: number;
      desired_balloon?: number;
    },
  ): Promise<Answer> {
    const config = this.#created();
    const { cpus, memory } = config;
    this.#events.emit("vm", "resizing");
    if (vcpus !== undefined) {
      const vm = this.#vm;
      if (vm && (vcpus > cpus.max_vcpus || vcpus < 1)) {
        throw refused("CpuManager", "DesiredVcpuCountExceedsMax");
      }
      // As many as there are is no change, also while some of them are leaving.
      if (this.#vcpusLeaving && vcpus !== vm?.cpus) {
        if (this.#version >= 46) throw new ApiError(429, "Too Many Requests");
        throw new ApiError(400, "Error from API", "VcpuPendingRemovedVcpu");
      }
      if (vm && vcpus < vm.cpus) {
        this.#vcpusLeaving = true;
        await attempt("CpuManager", () => vm.removeCpus(vcpus, () => this.#vcpusLeaving = false));
      } else if (vm) await attempt("CpuManager", () => vm.addCpus(vcpus));
      this.#config = { ...config, cpus: { ...cpus, boot_vcpus: vcpus } };
    }
    // Less memory: nothing happens until a reboot, and the answer does not say so, nor the configuration.
    if (ram !== undefined && ram > (this.#vm?.memory.now ?? 0)) {
      if (ram % MEMORY_BLOCK !== 0) throw refused("MemoryManager", "InvalidSize");
      const boot = this.#vm?.memory.boot ?? memory.size;
      if (ram > boot + (memory.hotplug_size ?? 0)) {
        throw refused("MemoryManager", "InsufficientHotplugRam");
      }
      if (++this.#memoryAdditions > MAX_MEMORY_ADDITIONS) throw refused("MemoryManager", "NoSlotAvailable");
      const vm = this.#vm;
      if (vm) await attempt("MemoryManager", () => vm.addMemory(ram));
    }
    if (ram !== undefined) this.#config = { ...this.#created(), memory: { ...memory, size: ram } };
    if (balloon !== undefined) {
      if (!config.balloon) throw refused("MissingVirtioBalloon");
      if (balloon >= this.#created().memory.size) throw refused("Balloon", "larger than the memory");
      const vm = this.#vm;
      if (vm) await attempt("Balloon", () => vm.setBalloon(balloon));
      this.#config = { ...this.#created(), balloon: { ...config.balloon, size: balloon } };
    }
    this.#events.emit("vm", "resized");
    return undefined;
  }

  #created(): VmConfig {
    if (!this.#config) {
      throw new ApiError(this.#version >= 53 ? 404 : 500, "Error from API", "VM is not created");
    }
    return this.#config;
  }

  #booted(): QemuVm {
    if (!this.#vm) throw refused("VM is not running");
    return this.#vm;
  }

  #release(): void {
    this.#share?.close();
    this.#share = undefined;
    this.#slots.clear();
    this.#locks.clear();
    this.#vcpusLeaving = false;
    this.#leaving.clear();
    this.#plugged.clear();
    removeIfThere(this.#config?.vsock?.socket);
  }
}

/** What `vm.info` shows of a configuration in versions that name what is not set. */
const UNSET = {
  balloon: null,
  devices: null,
  disks: null,
  fs: null,
  landlock_rules: null,
  net: null,
  numa: null,
  payload: null,
  pmem: null,
  vsock: null,
};

function refused(...chain: string[]): ApiError {
  return new ApiError(500, "Error from API", ...chain);
}

async function attempt<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof ApiError ? error : refused(what, (error as Error).message);
  }
}

function required(value: string | undefined): string {
  if (value === undefined) throw strictness("an id or a path is missing");
  return value;
}

/** The real one asks for the MTU by the tap's name: it must run in the network namespace of its taps. */
function checkTap(fd: number): void {
  const [, name] = /^iff:\s*(\S+)/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`)) ?? [];
  if (name === undefined) throw strictness(`descriptor ${fd} is no tap`);
  const links = Deno.readTextFileSync("/proc/self/net/dev");
  if (!links.split("\n").some((line) => line.trim().startsWith(`${name}:`))) {
    throw refused("TapError", `no interface ${name} in this network namespace`);
  }
}

function directoryOf(url: string): string {
  if (!url.startsWith("file:///")) throw refused("InvalidUrl", url);
  return url.slice("file://".length);
}

function removeIfThere(path: string | undefined): void {
  try {
    if (path !== undefined) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
