import { QmpClient } from "../../../drivers/contract/qmp/client.ts";
import { waitForFile } from "../../../drivers/contract/wait_for_file.ts";
import { buildArguments } from "../../../drivers/qemu/command_line.ts";
import { BRIDGE_ID, hotplugSlots, type LaunchPlan } from "../../../drivers/qemu/launch_plan.ts";
import { SlotTable } from "../../../drivers/contract/vm/slots.ts";
import { duplicateFd, listenUnixFd } from "../../../lib/libc/mod.ts";
import { closeFd } from "../../../lib/libc/mod.ts";
import { killProcess, type SpawnedProcess, spawnWithFds } from "../../../lib/process/mod.ts";
import type { StandInCommands, StandInMonitor } from "./commands.ts";
import type { Foundation, MachineConfig, MachineDisk } from "./config.ts";
import type { SharedDirectory } from "./shared_directory.ts";

const MIB = 1024 * 1024;
/** QEMU gives pmem a place only among memory that may come later. */
const PMEM_ROOM_MIB = 256;
const START_TIMEOUT_MS = 20_000;
const VSOCK = "vsock";
const VSOCK_DRIVER = "vhost-user-vsock-pci-non-transitional";
/** Of the bridge's places, the last one that disks would take. */
const VSOCK_PLACE = { bus: BRIDGE_ID, addr: "0x1e" };
const DISK_DRIVER = "virtio-blk-pci-non-transitional";

/** Why QEMU has ended. */
export type VmEnd = "shutdown" | "reset" | "killed" | "crashed";

/** What a VM is made of besides its configuration. */
export interface VmParts {
  options: Foundation;
  /** Where the stand-in keeps its own sockets. */
  workDir: string;
  /** The queues of each NIC by its id. */
  taps: ReadonlyMap<string, readonly number[]>;
  /** The listening socket of the serial port; undefined where it is not `Socket`. */
  serialFd: number | undefined;
  share: SharedDirectory | undefined;
  /** True where the vCPUs wait for `resume`. */
  frozen?: boolean;
  /** A file that `save` has written; the guest goes on with what it holds. */
  saved?: string;
}

/** A device of QEMU and what stands behind it. */
interface Pluggable {
  make(): Promise<unknown>;
  remove(): Promise<unknown>;
  device: { driver: string } & Record<string, string | number | boolean>;
}

/** The QEMU, and the vhost-device-vsock, that stand behind one VM. */
export class QemuVm {
  readonly #qmp: StandInMonitor;
  readonly #processes: SpawnedProcess[];
  readonly #slots = new SlotTable(
    hotplugSlots({ kind: "bridge" }).filter(({ addr }) => addr !== VSOCK_PLACE.addr),
  );
  readonly #vsockSocket: string | undefined;
  /** True where the guest has not seen its vsock yet. */
  #vsockIsNew = false;
  #cpus: number;
  #memory: number;
  readonly #bootMemory: number;
  /** What goes away behind a device when the guest has let go of it. */
  readonly #backends = new Map<string, () => Promise<unknown>>();
  /** The ids of pmem, by the device of QEMU that each is or was. */
  readonly #pmems = new Map<string, string>();
  /** The block nodes of disks that were replaced, by disk. */
  readonly #nodes = new Map<string, string>();
  #replaced = 0;
  #reason: string | undefined;
  #killed = false;
  /** Settles when QEMU has ended. */
  readonly ended: Promise<VmEnd>;

  private constructor(
    qmp: StandInMonitor,
    processes: SpawnedProcess[],
    config: MachineConfig,
    vsockSocket: string | undefined,
  ) {
    this.#qmp = qmp;
    this.#vsockSocket = vsockSocket;
    this.#processes = processes;
    this.#cpus = config.cpus.boot_vcpus;
    this.#memory = this.#bootMemory = config.memory.size;
    qmp.onEvent(({ event, data }) => {
      if (event === "SHUTDOWN") this.#reason = String(data.reason);
    });
    this.ended = processes[0]!.exited.then(async () => {
      await qmp.closed;
      for (const { ref } of processes) killProcess(ref, "SIGKILL");
      if (this.#killed) return "killed";
      if (this.#reason === "guest-shutdown") return "shutdown";
      return this.#reason === "guest-reset" ? "reset" : "crashed";
    });
  }

  /** Starts both; the guest runs when this answers. @throws where QEMU refuses */
  static async start(config: MachineConfig, parts: VmParts): Promise<QemuVm> {
    const { options, workDir } = parts;
    await Deno.mkdir(workDir, { recursive: true });
    const monitorPath = `${workDir}/q`;
    const fds = [listenUnixFd(monitorPath)];
    const inherit = (fd: number) => 2 + fds.push(duplicateFd(fd));
    const processes: SpawnedProcess[] = [];
    try {
      const consoleFd = parts.serialFd === undefined
        ? 2 + fds.push(listenUnixFd(`${workDir}/s`))
        : inherit(parts.serialFd);
      const nics = (config.net ?? []).map(({ id, mac, mtu }) => ({
        fds: (parts.taps.get(id ?? "") ?? []).map(inherit),
        mac: mac ?? "02:00:00:00:00:01",
        mtu: mtu ?? 0,
      }));
      const args = qemuArguments(config, parts, consoleFd, nics);
      if (config.vsock && "cid" in config.vsock) {
        const socket = `${workDir}/v`;
        processes.push(
          await spawnBound(
            options.vhostDeviceVsock,
            [
              ...["--guest-cid", String(config.vsock.cid), "--socket", socket],
              ...["--uds-path", config.vsock.socket],
            ],
            [],
            workDir,
          ),
        );
        await waitForFile(socket, START_TIMEOUT_MS);
      }
      const qemu = await spawnBound(options.qemu, args, fds, workDir);
      processes.unshift(qemu);
    } catch (error) {
      for (const { ref } of processes) killProcess(ref, "SIGKILL");
      throw error;
    } finally {
      fds.forEach(closeFd);
    }
    let qmp: StandInMonitor;
    try {
      qmp = await QmpClient.connect<StandInCommands>(monitorPath, START_TIMEOUT_MS);
    } catch (error) {
      for (const { ref } of processes) killProcess(ref, "SIGKILL");
      throw new Error(`${(error as Error).message}: ${Deno.readTextFileSync(`${workDir}/log`)}`);
    }
    const vm = new QemuVm(qmp, processes, config, vsockSocket(config, workDir));
    try {
      for (const disk of config.disks ?? []) await vm.addDisk(disk);
      for (const { id = "", file, discard_writes: discard = false } of config.pmem ?? []) {
        await vm.addPmem(id, file, discard);
      }
      if (parts.saved !== undefined) await vm.#load(parts.saved);
      await vm.#addVsock();
      vm.#vsockIsNew = parts.saved !== undefined && config.vsock !== undefined;
      if (!parts.frozen) await qmp.execute("cont", {});
      return vm;
    } catch (error) {
      await vm.kill();
      throw error;
    }
  }

  /**
   * Writes the VM, whose vCPUs stand, into a file. QEMU cannot write a vhost-user vsock: the guest lets go of it for that,
   * and gets another.
   */
  async save(path: string): Promise<void> {
    if (this.#vsockSocket !== undefined) {
      const gone = this.#qmp.expect(
        ({ event, data }) => event === "DEVICE_DELETED" && data.device === VSOCK,
        START_TIMEOUT_MS,
        "take out the vsock",
      );
      await this.#qmp.execute("cont", {});
      await this.#qmp.execute("device_del", { id: VSOCK });
      await gone.arrived;
      await this.#qmp.execute("stop", {});
      await this.#qmp.execute("chardev-remove", { id: VSOCK });
    }
    await this.#qmp.execute("migrate", { uri: `file:${path}` });
    await this.#migrated();
    await this.#addVsock();
    this.#vsockIsNew = this.#vsockSocket !== undefined;
  }

  async #load(path: string): Promise<void> {
    await this.#qmp.execute("migrate-incoming", { uri: `file:${path}` });
    await this.#migrated();
  }

  async #migrated(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const { status, "error-desc": reason } = await this.#qmp.execute("query-migrate", {});
      if (status === "completed") return;
      if (status === "failed" || performance.now() > end) throw new Error(`migration ${status}: ${reason}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #addVsock(): Promise<void> {
    const path = this.#vsockSocket;
    if (path === undefined) return;
    const addr = { type: "unix" as const, data: { path } };
    await this.#qmp.execute("chardev-add", {
      id: VSOCK,
      backend: { type: "socket", data: { addr, server: false } },
    });
    await this.#qmp.execute("device_add", {
      driver: VSOCK_DRIVER,
      id: VSOCK,
      chardev: VSOCK,
      ...VSOCK_PLACE,
    });
  }

  async pause(): Promise<void> {
    await this.#qmp.execute("stop", {});
  }

  async resume(): Promise<void> {
    await this.#qmp.execute("cont", {});
    if (this.#vsockIsNew) await this.#untilVsockServes();
    this.#vsockIsNew = false;
  }

  /** vhost-device-vsock does not get over a connection to a guest that has not set up its side yet. */
  async #untilVsockServes(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      const { status } = await this.#qmp.execute("x-query-virtio-status", {
        path: `/machine/peripheral/${VSOCK}/virtio-backend`,
      });
      if (status.statuses.some((one) => one.includes("DRIVER_OK")) || performance.now() > end) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async powerButton(): Promise<void> {
    await this.#qmp.execute("system_powerdown", {});
  }

  /** Plugs a disk in. @throws where QEMU refuses, or no place is free */
  async addDisk(
    { id = "", path = "", readonly = false, serial = id, shared = false }: MachineDisk,
  ): Promise<void> {
    const slot = this.#slots.take(id);
    try {
      const driver = (await Deno.stat(path)).isBlockDevice ? "host_device" : "file";
      await this.#qmp.execute("blockdev-add", {
        "node-name": id,
        driver: "raw",
        "read-only": readonly,
        discard: "unmap",
        cache: { direct: false, "no-flush": false },
        file: { driver, filename: path, aio: "threads", ...(shared && { locking: "off" as const }) },
      });
      try {
        await this.#qmp.execute("device_add", { driver: DISK_DRIVER, id, drive: id, serial, ...slot });
      } catch (error) {
        await this.#qmp.execute("blockdev-del", { "node-name": id });
        throw error;
      }
    } catch (error) {
      this.#slots.free(id);
      throw error;
    }
  }

  /**
   * Puts another file behind a disk, as Firecracker does: the guest is told of the new size, and a disk that was read-only
   * stays so for it.
   */
  async replaceDisk(id: string, path: string): Promise<void> {
    const before = this.#nodes.get(id) ?? id;
    const node = `${id}.${++this.#replaced}`;
    const { isBlockDevice } = await Deno.stat(path);
    await this.#qmp.execute("blockdev-add", {
      "node-name": node,
      driver: "raw",
      // Writable for QEMU, which else would not announce a size; what the guest may do was settled at its boot.
      "read-only": false,
      discard: "unmap",
      cache: { direct: false, "no-flush": false },
      // Several guests may have the same one.
      file: {
        driver: isBlockDevice ? "host_device" : "file",
        filename: path,
        aio: "threads",
        locking: "off",
      },
    });
    try {
      await this.#qmp.execute("qom-set", {
        path: `/machine/peripheral/${id}`,
        property: "drive",
        value: node,
      });
    } catch (error) {
      await this.#qmp.execute("blockdev-del", { "node-name": node });
      throw error;
    }
    this.#nodes.set(id, node);
    // As large as it is, which says so to the guest.
    using file = await Deno.open(path, { read: true });
    const size = await file.seek(0, Deno.SeekMode.End);
    await this.#qmp.execute("block_resize", { "node-name": node, size });
    await this.#qmp.execute("blockdev-del", { "node-name": before });
  }

  /** Plugs a NIC in, on queues of a tap that stay the caller's. @throws where QEMU refuses */
  async addNic(id: string, mac: string, fds: readonly number[]): Promise<void> {
    const names = fds.map((_, index) => `${id}-${index}`);
    for (const [index, fdname] of names.entries()) {
      await this.#qmp.execute("getfd", { fdname }, undefined, [fds[index]!]);
    }
    const queues = names.length > 1 ? { fds: names.join(":") } : { fd: names[0]! };
    await this.#plug(id, {
      make: () => this.#qmp.execute("netdev_add", { type: "tap", id: `${id}-net`, ...queues }),
      remove: () => this.#qmp.execute("netdev_del", { id: `${id}-net` }),
      device: {
        driver: "virtio-net-pci-non-transitional",
        netdev: `${id}-net`,
        mac,
        romfile: "",
        ...(fds.length > 1 && { mq: true, vectors: 2 * fds.length + 2 }),
      },
    });
  }

  /** Plugs a virtio-fs in, served by the daemon at `socket`. @throws where QEMU refuses */
  async addFs(id: string, tag: string, socket: string): Promise<void> {
    const addr = { type: "unix" as const, data: { path: socket } };
    const chardev = `${id}-char`;
    await this.#plug(id, {
      make: () =>
        this.#qmp.execute("chardev-add", {
          id: chardev,
          backend: { type: "socket", data: { addr, server: false } },
        }),
      remove: () => this.#qmp.execute("chardev-remove", { id: chardev }),
      device: { driver: "vhost-user-fs-pci", chardev, tag },
    });
  }

  /** Plugs a file in as persistent memory. @throws where QEMU refuses */
  async addPmem(id: string, path: string, discardWrites: boolean): Promise<void> {
    const { size } = await Deno.stat(path);
    // Those before stay in QEMU when their guests have let go of them.
    const device = `${id}.${this.#pmems.size}`;
    const memdev = `${device}-mem`;
    await this.#plug(device, {
      make: () =>
        this.#qmp.execute("object-add", {
          "qom-type": "memory-backend-file",
          id: memdev,
          size,
          "mem-path": path,
          share: !discardWrites,
        }),
      remove: () => this.#qmp.execute("object-del", { id: memdev }),
      device: { driver: "virtio-pmem-pci", memdev },
    });
    this.#pmems.set(device, id);
  }

  /** The device of QEMU that is this pmem. */
  #pmemOf(id: string): string | undefined {
    return [...this.#pmems].findLast(([, own]) => own === id)?.[0];
  }

  async #plug(id: string, { make, remove, device }: Pluggable): Promise<void> {
    const slot = this.#slots.take(id);
    try {
      await make();
      try {
        await this.#qmp.execute("device_add", { id, ...device, ...slot });
      } catch (error) {
        await remove();
        throw error;
      }
    } catch (error) {
      this.#slots.free(id);
      throw error;
    }
    this.#backends.set(id, remove);
  }

  /** Asks the guest to let go of a device that was plugged in; `gone` is called when it has. */
  async removeDevice(id: string, gone: () => void): Promise<void> {
    const pmem = this.#pmemOf(id);
    if (pmem !== undefined) {
      void this.#untilReset(pmem).then(gone, () => {});
      return;
    }
    const removeBackend = this.#backends.get(id) ??
      (() => this.#qmp.execute("blockdev-del", { "node-name": id }));
    this.#qmp.onEvent(({ event, data }) => {
      if (event !== "DEVICE_DELETED" || data.device !== id || !this.#slots.mayHave(id)) return;
      removeBackend().catch(() => {}).then(() => {
        this.#backends.delete(id);
        this.#slots.free(id);
        gone();
      });
    });
    await this.#qmp.execute("device_del", { id });
  }

  /**
   * QEMU takes no pmem out and tells the guest nothing: whoever has the guest makes it let go (it resets the device then).
   */
  async #untilReset(device: string): Promise<void> {
    const path = `/machine/peripheral/${device}/virtio-backend`;
    for (;;) {
      const { status } = await this.#qmp.execute("x-query-virtio-status", { path });
      if (!status.statuses.some((one) => one.includes("DRIVER_OK"))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Bytes and operations of every disk. */
  async counters(): Promise<Record<string, Record<string, number>>> {
    const found: Record<string, Record<string, number>> = {};
    for (const { "node-name": name, stats } of await this.#qmp.execute("query-blockstats", {})) {
      if (name === undefined || !this.#slots.mayHave(name)) continue;
      found[name] = {
        read_bytes: stats.rd_bytes,
        read_ops: stats.rd_operations,
        write_bytes: stats.wr_bytes,
        write_ops: stats.wr_operations,
      };
    }
    return found;
  }

  /** Brings vCPUs in until there are `wanted`. */
  async addCpus(wanted: number): Promise<void> {
    const places = await this.#qmp.execute("query-hotpluggable-cpus", {});
    const free = places.filter((place) => place["qom-path"] === undefined);
    // Lower ids first, as the real one does.
    for (const { type, props } of free.reverse().slice(0, wanted - this.#cpus)) {
      await this.#qmp.execute(
        "device_add",
        {
          driver: type,
          id: `cpu-${this.#cpus}`,
          ...props,
        } as unknown as StandInCommands["device_add"]["args"],
      );
      this.#cpus++;
    }
  }

  /** Asks the guest to let go of vCPUs until there are `wanted`; `gone` is called when it has. Those of the boot stay. */
  async removeCpus(wanted: number, gone: () => void): Promise<void> {
    const leaving = new Set(Array.from({ length: this.#cpus - wanted }, (_, i) => `cpu-${wanted + i}`));
    this.#qmp.onEvent(({ event, data }) => {
      if (event !== "DEVICE_DELETED" || !leaving.delete(String(data.device)) || leaving.size > 0) return;
      this.#cpus = wanted;
      gone();
    });
    for (const id of [...leaving].reverse()) await this.#qmp.execute("device_del", { id });
  }

  /** Adds memory up to `bytes` in all. */
  async addMemory(bytes: number): Promise<void> {
    const id = `dimm-${this.#memory}`;
    await this.#qmp.execute("object-add", {
      "qom-type": "memory-backend-memfd",
      id: `${id}-mem`,
      size: bytes - this.#memory,
      share: true,
    });
    await this.#qmp.execute(
      "device_add",
      {
        driver: "pc-dimm",
        id,
        memdev: `${id}-mem`,
      } as unknown as StandInCommands["device_add"]["args"],
    );
    this.#memory = bytes;
  }

  /** Inflates or deflates the balloon to `bytes`. */
  async setBalloon(bytes: number): Promise<void> {
    await this.#qmp.execute("balloon", { value: this.#memory - bytes });
  }

  /** Memory that the guest has: what was there at boot, what was added, less the balloon. */
  async memoryActualSize(): Promise<number> {
    try {
      return (await this.#qmp.execute("query-balloon", {})).actual;
    } catch {
      return this.#memory;
    }
  }

  /** What the guest booted with, and has now. */
  get memory(): { boot: number; now: number } {
    return { boot: this.#bootMemory, now: this.#memory };
  }

  get cpus(): number {
    return this.#cpus;
  }

  /** Ends both at once. */
  async kill(): Promise<void> {
    this.#killed = true;
    for (const { ref } of this.#processes) killProcess(ref, "SIGKILL");
    await this.ended;
  }
}

/** Where vhost-device-vsock listens for QEMU. */
function vsockSocket({ vsock }: MachineConfig, workDir: string): string | undefined {
  if (!vsock) return undefined;
  return "vhostUser" in vsock ? vsock.vhostUser : `${workDir}/v`;
}

function qemuArguments(
  config: MachineConfig,
  { workDir, share, saved }: VmParts,
  consoleFd: number,
  nics: LaunchPlan["nics"],
): string[] {
  const { cpus, memory, payload } = config;
  const plan: LaunchPlan = {
    sandboxId: "stand-in",
    machine: "q35",
    accel: "tcg",
    cpu: "max",
    vcpus: cpus.boot_vcpus,
    memoryMib: memory.size / MIB,
    room: {
      vcpus: cpus.max_vcpus,
      memoryMib: (memory.size + (memory.hotplug_size ?? 0)) / MIB + PMEM_ROOM_MIB,
    },
    memoryPrealloc: memory.prefault,
    hugepages: memory.hugepages,
    kernel: payload.kernel ?? "",
    initrd: payload.initramfs ?? "",
    image: "",
    firmware: "qboot.rom",
    kernelParams: guestCommandLine(payload.cmdline ?? "", share),
    console: "ttyS0",
    entropySource: config.rng?.src ?? "",
    seccomp: true,
    monitorFd: 3,
    consoleFd,
    vsock: {
      kind: "hybrid",
      socket: vsockSocket(config, workDir) ?? "",
    },
    share: share && {
      kind: "9p",
      dir: share.hostDir,
      tag: config.fs?.[0]?.tag ?? "",
      multidevs: "remap",
      directIo: false,
    },
    nics,
    hotplug: { kind: "bridge" },
  };
  const args = buildArguments(plan);
  // The vsock is plugged in later: its character device and its device go, with their flags.
  for (const value of ["vhost-user-vsock-pci", "socket,id=vsock"]) {
    args.splice(args.findIndex((arg) => arg.startsWith(value)) - 1, 2);
  }
  return ["-S", ...(saved === undefined ? [] : ["-incoming", "defer"]), ...args];
}

/** The guest mounts what QEMU offers, and that is 9p (see `takeShare`). */
function guestCommandLine(commandLine: string, share: SharedDirectory | undefined): string {
  return share ? commandLine.replace(/\btask\.sharefs_type=virtiofs\b/, "task.sharefs_type=9p") : commandLine;
}

/** Starts a program that ends with this process, however that ends. */
function spawnBound(
  command: string,
  args: readonly string[],
  fds: readonly number[],
  workDir: string,
): Promise<SpawnedProcess> {
  // Not the driver's environment: what stands behind a stand-in is no process of the sandbox.
  return spawnWithFds("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", command, ...args], {
    fds,
    env: { PATH: "/usr/bin:/bin" },
    stdoutFile: `${workDir}/log`,
    stderrFile: `${workDir}/log`,
  });
}
