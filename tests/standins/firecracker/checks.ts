import { exists } from "../../../lib/files/mod.ts";
import { openTapQueue } from "../../../lib/libc/mod.ts";
import { Fault, strictness } from "./fault.ts";
import type {
  Balloon,
  BootSource,
  Drive,
  MachineConfig,
  NetworkInterface,
  Resources,
  Vsock,
} from "./resources.ts";

const MAX_VCPUS = 32;
/** `CMDLINE_MAX_SIZE` of the real one's x86 code. */
const MAX_BOOT_ARGS_BYTES = 2048;
const ELF_HEADER_BYTES = 64;
/** What `sockaddr_un` and `ifreq` have room for, less the byte that ends it. */
const MAX_SOCKET_PATH_BYTES = 107;
const MAX_LINK_NAME_BYTES = 15;
/** Devices on MMIO, each with an interrupt of its own, and on PCI. */
const MAX_DEVICES = { mmio: 17, pci: 31 };

/** @throws {Fault} */
export function checkMachine(
  { vcpu_count, mem_size_mib, smt, huge_pages }: MachineConfig,
  balloon: Balloon | undefined,
): void {
  if (vcpu_count < 1 || vcpu_count > MAX_VCPUS || (smt && vcpu_count > 1 && vcpu_count % 2 === 1)) {
    throw new Fault(
      "Machine config error: The number of vCPUs must be greater than 0, less than 32 and must be 1 or an even number " +
        "if SMT is enabled.",
    );
  }
  if (mem_size_mib === 0 || (huge_pages === "2M" && mem_size_mib % 2 !== 0)) {
    throw new Fault(
      "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.",
    );
  }
  if (balloon && balloon.amount_mib > mem_size_mib) {
    throw new Fault(
      "Machine config error: The memory size (MiB) is smaller than the previously set balloon device target size.",
    );
  }
}

/** @throws {Fault} */
export function checkBalloon({ amount_mib }: Balloon, { mem_size_mib }: MachineConfig): void {
  if (amount_mib > mem_size_mib) {
    throw new Fault("Balloon config error: Amount of pages requested is too large.");
  }
}

/** The socket of a vsock is made when it is told of. @throws {Fault} */
export function checkVsock({ uds_path: path }: Vsock): void {
  const refuse = (why: string) =>
    new Fault(
      `Vsock config error: Cannot create backend for vsock device: Error binding to the host-side Unix socket: ${why}`,
    );
  if (new TextEncoder().encode(path).length > MAX_SOCKET_PATH_BYTES) {
    throw refuse("path must be shorter than SUN_LEN");
  }
  if (exists(path)) throw refuse("Address already in use (os error 98)");
  if (path.includes("/") && !exists(path.slice(0, path.lastIndexOf("/") + 1))) {
    throw refuse("No such file or directory (os error 2)");
  }
}

/** @throws {Fault} */
export function checkBootSource({ kernel_image_path, initrd_path, boot_args = "" }: BootSource): void {
  mustOpen(kernel_image_path, "Boot source error: The kernel file cannot be opened:");
  if (initrd_path !== undefined) {
    mustOpen(
      initrd_path,
      "Boot source error: The initrd file cannot be opened due to invalid path or invalid permissions.",
    );
  }
  if (new TextEncoder().encode(boot_args).length >= MAX_BOOT_ARGS_BYTES) {
    throw new Fault(
      "Boot source error: The kernel command line is invalid: Invalid cmdline capacity provided.",
    );
  }
}

/** @throws {Fault} */
export function checkDrive({ path_on_host, socket, is_read_only }: Drive): void {
  if (path_on_host === undefined || socket !== undefined) {
    throw new Fault("Drive config error: Unable to create the virtio block device: Invalid block config.");
  }
  mustOpen(
    path_on_host,
    "Drive config error: Unable to create the virtio block device: Virtio backend error: Error manipulating the backing file:",
    !is_read_only,
    path_on_host,
  );
}

/**
 * Opens a file as the real one does.
 *
 * @param what stands before the system's words, `named` behind them
 * @throws {Fault}
 */
export function mustOpen(path: string, what: string, write = false, named = ""): void {
  try {
    Deno.openSync(path, { read: true, write }).close();
  } catch (error) {
    throw new Fault(`${what} ${systemWords(error)}${named && ` ${named}`}`);
  }
}

/** `No such file or directory (os error 2)`: Deno adds what it was about to do. */
export function systemWords(error: unknown): string {
  return (error as Error).message.replace(/(\(os error \d+\)): .*$/s, "$1");
}

/**
 * Opens the tap of a NIC by its name, in the network namespace in which this process is.
 *
 * @returns the descriptor
 * @throws {Fault}
 */
export function takeTap({ host_dev_name: name }: NetworkInterface): number {
  if (new TextEncoder().encode(name).length > MAX_LINK_NAME_BYTES) {
    throw new Fault(
      "Network config error: Could not create the network device: Open tap device failed: Invalid interface name",
    );
  }
  const links = Deno.readTextFileSync("/proc/self/net/dev").split("\n");
  if (!links.some((line) => line.trim().startsWith(`${name}:`))) {
    // The real one makes what it does not find, and its guest talks to nobody.
    throw strictness(`there is no tap ${name} in this network namespace`);
  }
  try {
    return openTapQueue(name, false);
  } catch (error) {
    throw new Fault(
      `Network config error: Could not create the network device: Open tap device failed: Error while creating ifreq ` +
        `structure: ${
          (error as Error).message
        }. Invalid TUN/TAP Backend provided by ${name}. Check our documentation on ` +
        "setting up the network devices.",
    );
  }
}

/** @throws {Fault} */
export function checkMacs(nics: readonly NetworkInterface[]): void {
  const macs = nics.flatMap(({ guest_mac }) => guest_mac === undefined ? [] : [guest_mac]);
  const twice = macs.find((mac, index) => macs.indexOf(mac) !== index);
  if (twice !== undefined) {
    throw new Fault(`Network config error: The MAC address is already in use: ${twice}`);
  }
}

/** What is only found out when the VM is built. @throws {Fault} */
export function checkStart(resources: Resources, pci: boolean, minor: number): void {
  const { bootSource } = resources;
  if (bootSource === undefined) {
    throw new Fault("Start microvm error: Cannot start microvm without kernel configuration.");
  }
  const problem = kernelProblem(bootSource.kernel_image_path, minor);
  if (problem !== undefined) {
    throw new Fault(
      "Start microvm error: System configuration error: Cannot load kernel due to invalid memory configuration or " +
        `invalid kernel image: Kernel Loader: failed to load ELF kernel image: Kernel Loader: ${problem}`,
    );
  }
  const { initrd_path: initrd } = bootSource;
  if (initrd !== undefined && Deno.statSync(initrd).size === 0) {
    throw new Fault(
      "Start microvm error: Error with initrd initialization: Cannot load initrd due to an invalid memory configuration..",
    );
  }
  const most = pci ? MAX_DEVICES.pci : MAX_DEVICES.mmio;
  if (resources.devices > most) {
    throw new Fault(
      pci
        ? "Start microvm error: Could not attach device: Error attach PCI device: PCI root error: Could not find an " +
          "available device slot on the PCI bus."
        : "Start microvm error: Could not attach device: MMIO transport error: Failed to allocate requested resource: " +
          "The requested resource is not available.",
    );
  }
  if ((bootSource.boot_args ?? "").length + lengthOfOwnArgs(resources, pci) >= MAX_BOOT_ARGS_BYTES) {
    throw new Fault(
      "Start microvm error: Invalid kernel command line: Inserting string would make command line too long.",
    );
  }
}

/** What the real one puts behind the boot arguments. */
function lengthOfOwnArgs({ drives, devices }: Resources, pci: boolean): number {
  const root = drives.some(({ is_root_device }) => is_root_device) ? " root=/dev/vda ro".length : 0;
  if (pci) return root;
  let length = root + " pci=off".length;
  for (let irq = 5; irq < 5 + devices; irq++) length += ` virtio_mmio.device=4K@0xc0001000:${irq}`.length;
  return length;
}

/** @param minor from 1.17 on a bzImage will do */
function kernelProblem(path: string, minor: number): string | undefined {
  using file = Deno.openSync(path, { read: true });
  const head = new Uint8Array(0x206);
  const count = file.readSync(head) ?? 0;
  const text = (at: number, length: number) =>
    new TextDecoder("latin1").decode(head.subarray(at, at + length));
  if (minor >= 17 && count === head.length && text(0x202, 4) === "HdrS") return undefined;
  if (count < ELF_HEADER_BYTES) return "Unable to read elf header";
  return text(0, 4) === "\x7fELF" ? undefined : "Invalid Elf magic number";
}
