import { closeFd } from "../../../lib/libc/mod.ts";
import { QemuVm, type VmEnd } from "../qemu/vm.ts";
import type { MachineConfig } from "../qemu/config.ts";
import { type SharedDirectory, takeShare } from "../qemu/shared_directory.ts";
import type { CommandLine, Device } from "./command_line.ts";
import type { StandInOptions } from "./options.ts";
import { QmpError } from "./qmp_error.ts";

const MIB = 1024 * 1024;

/** Places of a microvm whose disk can be replaced. */
const REPLACEABLE_DISKS = 4;

/** How long the indicator of a port blinks after a change there, in ms. */
const BLINK_MS = 100;

type Arguments = Record<string, unknown>;

/** A disk that was plugged in. */
interface Plugged {
  id: string;
  place: string;
  /** Of a NIC. */
  netdev?: string;
}

/** The machine behind the monitor: StratoVirt's rules, with a QEMU that obeys. */
export class Vmm {
  readonly #line: CommandLine;
  readonly #vm: QemuVm;
  readonly #share: SharedDirectory | undefined;
  readonly #event: (name: string, data: Arguments) => void;
  readonly #nodes = new Map<string, { file: string; readonly: boolean }>();
  readonly #plugged = new Map<string, Plugged>();
  /** Descriptors that `getfd` has brought and no netdev has taken. */
  readonly #fds = new Map<string, number>();
  readonly #netdevs = new Map<string, number[]>();
  readonly #blinking = new Map<string, number>();
  #status: "paused" | "running";

  private constructor(
    line: CommandLine,
    vm: QemuVm,
    share: SharedDirectory | undefined,
    event: (name: string, data: Arguments) => void,
  ) {
    this.#line = line;
    this.#vm = vm;
    this.#share = share;
    this.#event = event;
    this.#status = line.frozen ? "paused" : "running";
  }

  /** @throws where QEMU refuses or a backend is missing */
  static async start(
    line: CommandLine,
    options: StandInOptions,
    serialFd: number,
    event: (name: string, data: Arguments) => void,
  ): Promise<Vmm> {
    const fs = find(line, "fs");
    const share = fs && await takeShare(line.chardevs.get(fs.chardev)!);
    const nics = line.devices.filter((one) => one.kind === "net");
    const vm = await QemuVm.start(machineConfig(line), {
      options,
      workDir: `${Deno.cwd()}/.s`,
      taps: new Map(nics.map(({ id, netdev }) => [id, line.netdevs.get(netdev) ?? []])),
      serialFd,
      share,
      frozen: line.frozen,
    });
    return new Vmm(line, vm, share, event);
  }

  /** Settles when the guest has ended. */
  get ended(): Promise<VmEnd> {
    return this.#vm.ended;
  }

  async close(): Promise<void> {
    await this.#vm.kill();
    this.#share?.close();
  }

  status(): Arguments {
    return { running: this.#status === "running", singlestep: false, status: this.#status };
  }

  async stop(): Promise<void> {
    await this.#vm.pause();
    this.#status = "paused";
    this.#event("STOP", {});
  }

  async cont(): Promise<void> {
    await this.#vm.resume();
    this.#status = "running";
    this.#event("RESUME", {});
  }

  /** @param bytes what is left to the guest, as QEMU counts */
  async setBalloon(bytes: number): Promise<void> {
    if (!find(this.#line, "balloon")) {
      throw new QmpError("No balloon device has been activated", "DeviceNotActive");
    }
    const all = this.#line.memoryMib * MIB;
    await this.#vm.setBalloon(all - Math.min(bytes, all));
    this.#event("BALLOON_CHANGED", { actual: bytes });
  }

  /** Bytes that the guest has. */
  memoryActualSize(): Promise<number> {
    if (!find(this.#line, "balloon")) {
      throw new QmpError("No balloon device has been activated", "DeviceNotActive");
    }
    return this.#vm.memoryActualSize();
  }

  addNode(args: Arguments): void {
    const id = String(args["node-name"]);
    if (this.#nodes.has(id)) throw new QmpError(`Drive "${id}" is existed`);
    const { filename } = args.file as { filename: string };
    this.#nodes.set(id, { file: filename, readonly: args["read-only"] === true });
  }

  deleteNode(args: Arguments): void {
    if (this.#line.machine === "microvm") throw new QmpError("blockdev_del not support yet");
    const id = String(args["node-name"]);
    if (this.#plugged.has(id)) throw new QmpError("");
    if (!this.#nodes.delete(id)) throw new QmpError(`Drive "${id}" not found`);
  }

  /** @param fds that came with the command: exactly one may */
  keepFd({ fdname }: Arguments, fds: number[]): void {
    if (fds.length !== 1) throw new QmpError("Invalid SCM message");
    const before = this.#fds.get(String(fdname));
    if (before !== undefined) closeFd(before);
    this.#fds.set(String(fdname), fds.shift()!);
  }

  addNetdev({ id, fd, fds, type }: Arguments): void {
    if (this.#line.machine === "microvm") throw new QmpError("Stand-in: NICs of a microvm are not replaced");
    if (type !== "tap") throw new QmpError(`Unsupported netdev type: ${type}`);
    if ((fd === undefined) === (fds === undefined)) throw new QmpError("fd and fds exclude each other");
    if (this.#netdevs.has(String(id))) throw new QmpError(`Netdev "${id}" is existed`);
    const names = String(fd ?? fds).split(":");
    const found = names.map((name) => this.#fds.get(name));
    if (found.includes(undefined)) throw new QmpError(`Failed to get fd from getfd list by ${names}`);
    names.forEach((name) => this.#fds.delete(name));
    this.#netdevs.set(String(id), found as number[]);
  }

  deleteNetdev({ id }: Arguments): void {
    if ([...this.#plugged.values()].some(({ netdev }) => netdev === id)) throw new QmpError("");
    const fds = this.#netdevs.get(String(id));
    if (!fds) throw new QmpError(`Netdev "${id}" not found`);
    fds.forEach(closeFd);
    this.#netdevs.delete(String(id));
  }

  async addDevice(args: Arguments): Promise<void> {
    const { id, driver, drive, serial } = args as Record<string, string>;
    const place = this.#line.machine === "microvm" ? this.#mmioPlace(args) : this.#port(args);
    if (driver === "virtio-net-pci" && this.#line.machine !== "microvm") {
      return await this.#addNic(args, place);
    }
    if (driver === "vfio-pci") throw new QmpError("Stand-in: nothing here has an IOMMU");
    if (driver !== (this.#line.machine === "microvm" ? "virtio-blk-mmio" : "virtio-blk-pci")) {
      throw new QmpError(`Device ${driver} is not supported to be hot plugged`);
    }
    if (this.#plugged.has(id!)) throw new QmpError(`Device ${id} already exists`);
    const node = this.#nodes.get(drive ?? "");
    // The backend of a microvm's disk is found by the disk's own id.
    if (!node || (this.#line.machine === "microvm" && drive !== id)) {
      throw new QmpError("Failed to find device configuration.");
    }
    if ([...this.#plugged.values()].some((one) => one.place === place)) {
      throw new QmpError(`The slot ${place} is occupied already.`);
    }
    this.#blink(place);
    this.#plugged.set(id!, { id: id!, place });
    try {
      await this.#vm.addDisk({ id: id!, path: node.file, readonly: node.readonly, serial: serial ?? "" });
    } catch (error) {
      this.#plugged.delete(id!);
      throw new QmpError((error as Error).message);
    }
  }

  async #addNic({ id, netdev, mac, mq, vectors }: Arguments, place: string): Promise<void> {
    const name = String(id);
    const fds = this.#netdevs.get(String(netdev));
    if (!fds) throw new QmpError("Failed to find device configuration.");
    if (this.#plugged.has(name)) throw new QmpError(`Device ${name} already exists`);
    if ([...this.#plugged.values()].some((one) => one.place === place)) {
      throw new QmpError(`The slot ${place} is occupied already.`);
    }
    if ((mq === "on") !== fds.length > 1) throw new QmpError("mq does not go with the number of queues");
    if (vectors !== undefined && Number(vectors) !== 2 * fds.length + 2) {
      throw new QmpError("Stand-in: vectors");
    }
    this.#blink(place);
    this.#plugged.set(name, { id: name, place, netdev: String(netdev) });
    try {
      await this.#vm.addNic(name, String(mac), fds);
    } catch (error) {
      this.#plugged.delete(name);
      throw new QmpError((error as Error).message);
    }
  }

  async removeDevice(args: Arguments): Promise<void> {
    const id = String(args.id);
    const plugged = this.#plugged.get(id);
    // A microvm forgets a backend whose device was never added.
    if (!plugged && this.#line.machine === "microvm" && this.#nodes.delete(id)) {
      return this.#event("DEVICE_DELETED", { device: id, path: id });
    }
    if (!plugged) throw new QmpError(`Device ${id} not found`);
    this.#blink(plugged.place);
    const gone = () => {
      this.#plugged.delete(id);
      if (this.#line.machine === "microvm") this.#nodes.delete(id);
      this.#event("DEVICE_DELETED", { device: id, path: id });
    };
    await this.#vm.removeDevice(id, gone);
  }

  #mmioPlace({ addr, bus }: Arguments): string {
    if (bus !== undefined) throw new QmpError("a microvm has no bus");
    const place = Number(addr);
    if (!Number.isInteger(place)) throw new QmpError(`Invalid addr for device`);
    if (place >= REPLACEABLE_DISKS) {
      throw new QmpError(`A maximum of block ${REPLACEABLE_DISKS} replaceable devices are supported.`);
    }
    if (place === 0 && find(this.#line, "blk")) throw new QmpError("The slot 0 is occupied already.");
    return String(place);
  }

  #port({ addr, bus }: Arguments): string {
    const ports = this.#line.devices.filter((one) => one.kind === "port").map(({ id }) => id);
    if (typeof bus !== "string" || !ports.includes(bus)) throw new QmpError(`Bus ${bus} not found`);
    if (addr !== "0x0") throw new QmpError("Invalid slot for pcie root port");
    return bus;
  }

  /** A change of a port shows for a moment, in which the next is refused; a microvm has no indicators. */
  #blink(place: string): void {
    if (this.#line.machine === "microvm") return;
    if (Date.now() < (this.#blinking.get(place) ?? 0)) {
      throw new QmpError("Guest is still on the fly of another (un)plugging");
    }
    this.#blinking.set(place, Date.now() + BLINK_MS);
  }
}

function find<K extends Device["kind"]>(
  line: CommandLine,
  kind: K,
): Extract<Device, { kind: K }> | undefined {
  return line.devices.find((one): one is Extract<Device, { kind: K }> => one.kind === kind);
}

function machineConfig(line: CommandLine): MachineConfig {
  const vsock = find(line, "vhost-user-vsock");
  const fs = find(line, "fs");
  const image = find(line, "blk");
  const drive = image && line.drives.get(image.drive)!;
  const rng = find(line, "rng");
  return {
    cpus: { boot_vcpus: line.vcpus, max_vcpus: line.vcpus },
    memory: { size: line.memoryMib * MIB, hugepages: false, prefault: line.memoryPrealloc },
    payload: { kernel: line.kernel, initramfs: line.initrd, cmdline: withPci(line.append) },
    ...(image && drive
      ? { disks: [{ id: image.id, path: drive.file, readonly: drive.readonly, serial: image.serial }] }
      : {}),
    net: line.devices.filter((one) => one.kind === "net").map(({ id, mac }) => ({ id, mac })),
    ...(fs ? { fs: [{ tag: fs.tag }] } : {}),
    ...(vsock ? { vsock: { vhostUser: line.chardevs.get(vsock.chardev)! } } : {}),
    ...(rng ? { rng: { src: line.objects.get(rng.object)! } } : {}),
  };
}

/** The QEMU underneath has its devices on PCI, and no keyboard controller that could reset it. */
function withPci(append: string): string {
  return append.split(" ").filter((word) => word !== "pci=off").join(" ").replace("reboot=k", "reboot=t");
}
