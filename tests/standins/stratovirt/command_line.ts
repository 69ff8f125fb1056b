import { minorOf, type StandInOptions } from "./options.ts";
import { Properties } from "./properties.ts";

/** A device of the command line. */
export type Device =
  | { kind: "blk"; id: string; drive: string; serial: string }
  | { kind: "net"; id: string; netdev: string; mac: string }
  | { kind: "vsock"; cid: number; vhostFd: number }
  | { kind: "vhost-user-vsock"; chardev: string }
  | { kind: "fs"; chardev: string; tag: string }
  | { kind: "balloon" }
  | { kind: "rng"; object: string }
  | { kind: "port"; id: string };

/** What the real program's command line says. */
export interface CommandLine {
  machine: "microvm" | "q35";
  memoryShared: boolean;
  memoryPrealloc: boolean;
  vcpus: number;
  memoryMib: number;
  kernel: string;
  initrd: string;
  append: string;
  firmware: string;
  frozen: boolean;
  monitor: string;
  serial: string;
  seccomp: boolean;
  drives: Map<string, { file: string; readonly: boolean }>;
  netdevs: Map<string, number[]>;
  chardevs: Map<string, string>;
  objects: Map<string, string>;
  devices: Device[];
}

/** What decides about a command line besides its words. */
export type Build = Pick<StandInOptions, "version" | "features">;

/** What the parser finds out about the program itself. */
export type Request = { kind: "version" } | { kind: "run"; line: CommandLine };

/**
 * Reads the command line as StratoVirt does; whatever it does not know ends it.
 *
 * One device is the stand-in's own: `vhost-user-vsock-*`. The real one has vhost-vsock alone, for which a host needs a
 * kernel module that the machines of our tests do not have; behind the driver's `vsock = "vhost-user"` all the rest is as real.
 *
 * @throws {Error} with the message for stderr
 */
export function parseCommandLine(args: readonly string[], build: Build): Request {
  const line: CommandLine = {
    machine: "microvm",
    memoryShared: false,
    memoryPrealloc: false,
    vcpus: 1,
    memoryMib: 256,
    kernel: "",
    initrd: "",
    append: "",
    firmware: "",
    frozen: false,
    monitor: "",
    serial: "",
    seccomp: true,
    drives: new Map(),
    netdevs: new Map(),
    chardevs: new Map(),
    objects: new Map(),
    devices: [],
  };
  const rest = [...args];
  while (rest.length > 0) {
    const flag = rest.shift()!;
    if (flag === "-version" || flag === "-V") return { kind: "version" };
    const bare = BARE[flag];
    if (bare) {
      bare(line);
      continue;
    }
    const option = OPTIONS[flag];
    if (!option) {
      throw new Error(`Found argument '${flag}' which wasn't expected, or isn't valid in this context`);
    }
    const value = rest.shift();
    if (value === undefined) throw new Error(`The argument '${flag}' requires a value but none was supplied`);
    option(line, value);
  }
  check(line, build);
  return { kind: "run", line };
}

const BARE: Record<string, (line: CommandLine) => void> = {
  "-S": (line) => line.frozen = true,
  "-mem-prealloc": (line) => line.memoryPrealloc = true,
  "-disable-seccomp": (line) => line.seccomp = false,
};

const OPTIONS: Record<string, (line: CommandLine, value: string) => void> = {
  "-name": () => {},
  "-machine": machine,
  "-smp": (line, value) => {
    const p = new Properties("-smp", value, "cpus");
    line.vcpus = integer("-smp", p.take("cpus"), 1, 254);
    p.end();
  },
  "-m": (line, value) => {
    const [, digits, unit] = /^(?:size=)?(\d+)([mMgG]?)$/.exec(value) ?? [];
    if (digits === undefined) throw new Error(`-m: Unsupported unit in ${value}`);
    line.memoryMib = integer("-m", digits, 1, 1 << 20) * (/g/i.test(unit ?? "") ? 1024 : 1);
  },
  "-kernel": (line, value) => line.kernel = value,
  "-initrd": (line, value) => line.initrd = value,
  "-append": (line, value) => line.append = value,
  "-D": () => {},
  "-global": (_line, value) => {
    if (!/^pcie-root-port\.fast-unplug=[01]$/.test(value)) throw new Error(`-global: Not support ${value}`);
  },
  "-qmp": (line, value) => line.monitor = socketPath("-qmp", value),
  "-serial": (line, value) => {
    const p = new Properties("-serial", value, "type");
    if (p.take("type") !== "socket") throw new Error(`-serial: the stand-in has sockets alone, not ${value}`);
    line.serial = p.take("path");
    p.flag("server", false);
    p.flag("nowait", false);
    p.end();
  },
  "-drive": drive,
  "-netdev": netdev,
  "-chardev": (line, value) => {
    const p = new Properties("-chardev", value, "type");
    if (p.take("type") !== "socket") {
      throw new Error(`-chardev: the stand-in has sockets alone, not ${value}`);
    }
    line.chardevs.set(p.take("id"), p.take("path"));
    p.flag("server", false);
    p.flag("nowait", false);
    p.end();
  },
  "-object": (line, value) => {
    const p = new Properties("-object", value, "type");
    if (p.take("type") !== "rng-random") throw new Error(`-object: Unknown object type ${value}`);
    line.objects.set(p.take("id"), p.take("filename"));
    p.end();
  },
  "-device": (line, value) => line.devices.push(device(line, value)),
};

function machine(line: CommandLine, value: string): void {
  const p = new Properties("-machine", value, "type");
  const type = p.take("type");
  if (type !== "microvm" && type !== "q35") throw new Error(`-machine: Unsupported machine type ${type}`);
  line.machine = type;
  p.flag("dump-guest-core", true);
  line.memoryShared = p.flag("mem-share", false);
  p.end();
}

function drive(line: CommandLine, value: string): void {
  const p = new Properties("-drive", value);
  const file = p.take("file");
  if (p.optional("if") === "pflash") {
    if (p.take("unit") === "0") line.firmware = file;
    p.flag("readonly", false);
  } else {
    line.drives.set(p.take("id"), { file, readonly: p.flag("readonly", false) });
    p.flag("direct", true);
  }
  p.end();
}

function netdev(line: CommandLine, value: string): void {
  const p = new Properties("-netdev", value, "type");
  if (p.take("type") !== "tap") throw new Error(`-netdev: the stand-in has taps alone, not ${value}`);
  const one = p.optional("fd");
  const several = p.optional("fds");
  if ((one === undefined) === (several === undefined)) {
    throw new Error("-netdev: fd and fds exclude each other");
  }
  const fds = (one ?? several!).split(":").map((text) => openFd("-netdev", text));
  line.netdevs.set(p.take("id"), fds);
  p.end();
}

function device(line: CommandLine, value: string): Device {
  const p = new Properties("-device", value, "driver");
  const driver = p.take("driver");
  const [, name = driver, bus] = /^(.*)-(device|pci)$/.exec(driver) ?? [];
  if (driver !== "pcie-root-port" && (bus === "pci") !== (line.machine === "q35")) {
    throw new Error(`-device: ${driver} is no device of a ${line.machine}`);
  }
  if (line.machine === "q35") place(p);
  const found = deviceOf(driver === "pcie-root-port" ? driver : name, p, line);
  p.end();
  return found;
}

function place(p: Properties): void {
  if (p.take("bus") !== "pcie.0") throw new Error("-device: the bus is not pcie.0");
  const addr = p.take("addr");
  integer("-device addr", String(Number(addr)), 1, 31);
}

function deviceOf(name: string, p: Properties, line: CommandLine): Device {
  switch (name) {
    case "virtio-blk":
      return { kind: "blk", id: p.take("id"), drive: p.take("drive"), serial: p.optional("serial") ?? "" };
    case "virtio-net": {
      const mq = p.flag("mq", false);
      const netdev = p.take("netdev");
      if (mq && line.machine === "microvm") throw new Error("-device: unexpected argument 'mq' found");
      if (!mq && (line.netdevs.get(netdev)?.length ?? 1) > 1) {
        throw new Error("-device: several queues need mq=on");
      }
      return { kind: "net", id: p.take("id"), netdev, mac: p.take("mac") };
    }
    case "vhost-vsock":
      p.take("id");
      return {
        kind: "vsock",
        cid: integer("-device guest-cid", p.take("guest-cid"), 3, 0xfffffffe),
        vhostFd: openFd("-device", p.take("vhostfd")),
      };
    case "vhost-user-vsock":
      p.take("id");
      return { kind: "vhost-user-vsock", chardev: p.take("chardev") };
    case "vhost-user-fs":
      p.take("id");
      return { kind: "fs", chardev: p.take("chardev"), tag: p.take("tag") };
    case "virtio-balloon":
      p.take("id");
      p.flag("deflate-on-oom", false);
      p.flag("free-page-reporting", false);
      return { kind: "balloon" };
    case "virtio-rng":
      p.take("id");
      return { kind: "rng", object: p.take("rng") };
    case "pcie-root-port":
      p.take("port");
      return { kind: "port", id: p.take("id") };
    default:
      throw new Error(`-device: Unsupported device: ${name}`);
  }
}

/** What a build must have for a device. */
const FEATURES: Partial<Record<Device["kind"], string>> = { vsock: "vhost_vsock", rng: "virtio_rng" };

/** What holds between the options. */
function check(line: CommandLine, build: Build): void {
  if (line.kernel === "") throw new Error("Failed to create machine: kernel path is empty");
  if (line.initrd === "" && line.drives.size === 0) {
    throw new Error(
      "Failed to create vmconfig Precheck failed, VmConfig is unhealthy, stop running: Before Vm start, set a initrd or " +
        "drive_file or vhost-user blk as rootfs",
    );
  }
  if (line.memoryMib < 128 || line.memoryMib > 512 * 1024) {
    throw new Error("Memory size must >= 128MiB and <= 512GiB");
  }
  if (line.machine === "q35" && line.firmware === "") throw new Error("q35 needs a pflash drive as unit 0");
  for (const one of line.devices) {
    const feature = FEATURES[one.kind];
    if (feature !== undefined && minorOf(build) >= 5 && !build.features.includes(feature)) {
      throw new Error(`Unsupported device: this build has no ${feature}`);
    }
    const outside = one.kind === "fs" || one.kind === "vhost-user-vsock";
    if (outside && !line.memoryShared) {
      throw new Error(
        "When configuring the vhost-user-fs-device or vhost-user-fs-pci device, the memory must be shared.",
      );
    }
    if (outside) known("chardev", line.chardevs, one.chardev);
    if (one.kind === "blk") known("drive", line.drives, one.drive);
    if (one.kind === "net") known("netdev", line.netdevs, one.netdev);
    if (one.kind === "rng") known("object", line.objects, one.object);
  }
}

function known(what: string, table: ReadonlyMap<string, unknown>, id: string): void {
  if (!table.has(id)) throw new Error(`The ${what} "${id}" is not found or is in use`);
}

function socketPath(flag: string, value: string): string {
  const [, path] = /^unix:([^,]+),server,nowait$/.exec(value) ?? [];
  if (path === undefined) throw new Error(`${flag}: Invalid unix socket ${value}`);
  return path;
}

function integer(what: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`${what}: ${text} is not in ${min}..=${max}`);
}

function openFd(what: string, text: string): number {
  const fd = integer(what, text, 3, 1 << 20);
  try {
    Deno.statSync(`/proc/self/fd/${fd}`);
    return fd;
  } catch {
    throw new Error(`${what}: fd ${fd} is not open`);
  }
}
