import { closeFd } from "../../../lib/libc/mod.ts";
import { QemuVm, type VmEnd } from "../qemu/vm.ts";
import type { MachineConfig } from "../qemu/config.ts";
import { type SharedDirectory, takeShare } from "../qemu/shared_directory.ts";
import type { CommandLine, Device } from "./command_line.ts";
import { DriveFiles } from "./drive_files.ts";
import { minorOf, type StandInOptions } from "./options.ts";
import { QmpError } from "./qmp_error.ts";

const MIB = 1024 * 1024;

/** Places of a microvm whose disk can be replaced. */
const REPLACEABLE_DISKS = 4;

const MAX_SERIAL_BYTES = 20;

/** What the real one's parser of options says. */
const BAD_VALUE = "error: invalid value for one of the arguments\n";
const BAD_GROUP = "error: an argument cannot be used with one or more of the other specified arguments\n";

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
  readonly #files = new DriveFiles();
  readonly #options: StandInOptions;
  #status: "paused" | "running";

  private constructor(
    line: CommandLine,
    options: StandInOptions,
    vm: QemuVm,
    share: SharedDirectory | undefined,
    event: (name: string, data: Arguments) => void,
  ) {
    this.#line = line;
    this.#options = options;
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
    return new Vmm(line, options, vm, share, event);
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
    const { filename } = args.file as { filename: string };
    const readonly = args["read-only"] === true;
    this.#files.add(filename, readonly);
    if (this.#nodes.has(id)) {
      this.#files.remove(filename);
      throw new QmpError(
        this.#line.machine === "microvm" ? `${id} is already registered.` : `Drive ${id} has been added`,
      );
    }
    this.#nodes.set(id, { file: filename, readonly });
  }

  deleteNode(args: Arguments): void {
    if (this.#line.machine === "microvm") throw new QmpError("blockdev_del not support yet");
    const id = String(args["node-name"]);
    // The real one forgets it all the same, and the device keeps its file.
    if (this.#plugged.has(id)) throw new QmpError(`Stand-in: the disk of the drive ${id} is there`);
    if (!this.#forgetNode(id)) throw new QmpError(`Drive ${id} not found`);
  }

  #forgetNode(id: string): boolean {
    const node = this.#nodes.get(id);
    if (node) this.#files.remove(node.file);
    return this.#nodes.delete(id);
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
    if (type !== "tap") throw new QmpError(`Stand-in: a netdev of type ${type}`);
    if (fd === undefined && fds === undefined) {
      throw new QmpError("Tap device is missing, use 'ifname' or 'fd' to configure a tap device");
    }
    if (fd !== undefined && fds !== undefined) {
      throw new QmpError("fd is conflict with ifname/script/downscript/queues/fds/vhostfds");
    }
    const names = String(fd ?? fds).split(":");
    const found = names.map((name) => this.#fds.get(name));
    const unknown = names.find((_, index) => found[index] === undefined);
    if (unknown !== undefined) throw new QmpError(`Failed to parse fd: ${unknown}`);
    if (this.#netdevs.has(String(id))) throw new QmpError(`Netdev "${id}" has been added`);
    names.forEach((name) => this.#fds.delete(name));
    this.#netdevs.set(String(id), found as number[]);
  }

  deleteNetdev({ id }: Arguments): void {
    if (this.#line.machine === "microvm") throw new QmpError("netdev_del not support yet");
    // The real one forgets it all the same.
    if ([...this.#plugged.values()].some(({ netdev }) => netdev === id)) {
      throw new QmpError(`Stand-in: the NIC of the netdev ${id} is there`);
    }
    const fds = this.#netdevs.get(String(id));
    if (!fds) throw new QmpError(`Netdev ${id} not found`);
    fds.forEach(closeFd);
    this.#netdevs.delete(String(id));
  }

  async addDevice(args: Arguments): Promise<void> {
    const { id = "", driver = "", drive = "", serial = "" } = args as Record<string, string>;
    if (this.#line.machine === "microvm") return await this.#replaceDisk(args, id, driver, drive, serial);
    if (this.#plugged.has(id)) throw new QmpError(`Device id ${id} existed`);
    if (driver === "virtio-net-pci") return await this.#addNic(args);
    const { features } = this.#options;
    const hasVfio = minorOf(this.#options) < 5 || features.includes("vfio");
    if (driver === "vfio-pci" && hasVfio) throw this.#refuseVfio(args);
    if (driver !== "virtio-blk-pci") {
      throw new QmpError(`Failed to add device: Driver ${driver} is not support`);
    }
    const refuse = (why: string) => new QmpError(`Failed to add virtio pci blk: ${why}`);
    if (new TextEncoder().encode(serial).length > MAX_SERIAL_BYTES) throw refuse(BAD_VALUE);
    const node = this.#nodes.get(drive);
    if (!node) throw refuse("No drive configured matched for blk device");
    const place = this.#port(args, refuse);
    await this.#addDisk({ id, path: node.file, readonly: node.readonly, serial }, place);
  }

  async #replaceDisk(args: Arguments, id: string, driver: string, drive: string, serial: string) {
    const place = Number(args.addr);
    if (!Number.isInteger(place)) throw new QmpError(`Invalid addr for device ${id}`);
    // The backend of a microvm's disk is found by the disk's own id.
    const node = this.#nodes.get(id);
    if (!node) throw new QmpError("Failed to find device configuration.");
    if (driver !== "virtio-blk-mmio" || drive !== id || args.bus !== undefined) {
      throw new QmpError(`Stand-in: ${id} is no disk of a microvm`);
    }
    if (place >= REPLACEABLE_DISKS) {
      throw new QmpError(`A maximum of block ${REPLACEABLE_DISKS} replaceable devices are supported.`);
    }
    const taken = place === 0 && find(this.#line, "blk") !== undefined ||
      [...this.#plugged.values()].some((one) => one.place === String(place));
    if (taken) throw new QmpError(`The slot ${place} is occupied already.`);
    if (this.#plugged.has(id)) throw new QmpError(`Stand-in: ${id} would be in two places`);
    await this.#addDisk({ id, path: node.file, readonly: node.readonly, serial }, String(place));
  }

  async #addDisk(
    disk: { id: string; path: string; readonly: boolean; serial: string },
    place: string,
  ): Promise<void> {
    this.#blink(place);
    this.#plugged.set(disk.id, { id: disk.id, place });
    try {
      await this.#vm.addDisk(disk);
    } catch (error) {
      this.#plugged.delete(disk.id);
      throw new QmpError((error as Error).message);
    }
  }

  /** From 2.4 on `host` becomes a second `addr`, and what is behind a comma in the bus another property. */
  #refuseVfio({ bus, host }: Arguments): QmpError {
    const named = minorOf(this.#options) < 4 ? host : /,host=(.+)$/.exec(String(bus))?.[1];
    if (named === undefined || (minorOf(this.#options) >= 4 && host !== undefined)) {
      return new QmpError(BAD_GROUP);
    }
    // Nothing here has an IOMMU.
    return new QmpError("Failed to create vfio device.");
  }

  async #addNic(args: Arguments): Promise<void> {
    const { id, netdev, mac, mq, vectors } = args;
    const name = String(id);
    const refuse = (why: string) => new QmpError(`Failed to add virtio pci net: ${why}`);
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(String(mac))) throw refuse(BAD_VALUE);
    const fds = this.#netdevs.get(String(netdev));
    if (!fds) throw refuse(`Netdev: "${netdev}" not found for net device`);
    const place = this.#port(args, refuse);
    // The real one takes it, and some queues are not served.
    if ((mq === "on") !== fds.length > 1) {
      throw new QmpError("Stand-in: mq does not go with the number of queues");
    }
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
    if (!plugged && this.#line.machine === "microvm" && this.#forgetNode(id)) {
      return this.#event("DEVICE_DELETED", { device: id, path: id });
    }
    if (!plugged) throw this.#notRemovable(id);
    this.#blink(plugged.place);
    const gone = () => {
      this.#plugged.delete(id);
      if (this.#line.machine === "microvm") this.#forgetNode(id);
      this.#event("DEVICE_DELETED", { device: id, path: id });
    };
    await this.#vm.removeDevice(id, gone);
  }

  /** A q35 looks for it on the bus, and then among USB devices. */
  #notRemovable(id: string): QmpError {
    if (this.#line.machine === "microvm") return new QmpError(`Device ${id} not found`);
    const fixed = id === "balloon" || this.#line.devices.some((one) => "id" in one && one.id === id);
    return new QmpError(
      fixed
        ? "No hot plug controller found for bus pcie.0 when unplug request"
        : "Can not find parent device from pci bus",
    );
  }

  #port({ addr, bus }: Arguments, refuse: (why: string) => QmpError): string {
    const ports = this.#line.devices.filter((one) => one.kind === "port").map(({ id }) => id);
    const taken = [...this.#plugged.values()].some((one) => one.place === bus);
    if (typeof bus !== "string" || !ports.includes(bus) || taken) {
      throw refuse("Failed to add virtio pci device");
    }
    if (Number(addr) !== 0) {
      throw new QmpError(
        `Failed to plug device: HotPlug is not supported for device with devfn ${Number(addr) * 8}`,
      );
    }
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
