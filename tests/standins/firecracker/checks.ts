import { openTap } from "../../../services/network/tap.ts";
import { Fault, strictness } from "./fault.ts";
import type { BootSource, Drive, MachineConfig, NetworkInterface, Resources } from "./resources.ts";

const MAX_VCPUS = 32;
/** `CMDLINE_MAX_SIZE` of the real one's x86 code. */
const MAX_BOOT_ARGS_BYTES = 2048;
/** Devices on MMIO, each with an interrupt of its own, and on PCI. */
const MAX_DEVICES = { mmio: 17, pci: 31 };

/** @throws {Fault} */
export function checkMachine({ vcpu_count, mem_size_mib, smt, huge_pages }: MachineConfig): void {
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
}

/** @throws {Fault} */
export function checkBootSource({ kernel_image_path, initrd_path, boot_args = "" }: BootSource): void {
  mustOpen(kernel_image_path, "Boot source error: The kernel file cannot be opened");
  if (initrd_path !== undefined) {
    mustOpen(
      initrd_path,
      "Boot source error: The initrd file cannot be opened due to invalid path or invalid permissions.",
    );
  }
  if (new TextEncoder().encode(boot_args).length >= MAX_BOOT_ARGS_BYTES) {
    throw new Fault("Boot source error: The kernel command line is invalid: String is too long.");
  }
}

/** @throws {Fault} */
export function checkDrive({ path_on_host, socket, is_read_only }: Drive): void {
  if (path_on_host === undefined || socket !== undefined) {
    throw new Fault("Drive config error: Unable to create the virtio block device: Invalid configuration");
  }
  mustOpen(
    path_on_host,
    "Drive config error: Unable to create the virtio block device: Virtio backend error: Error manipulating the backing file",
    !is_read_only,
  );
}

/** Opens a file as the real one does. @throws {Fault} */
export function mustOpen(path: string, what: string, write = false): void {
  try {
    Deno.openSync(path, { read: true, write }).close();
  } catch (error) {
    throw new Fault(`${what}: ${(error as Error).message} ${path}`);
  }
}

/**
 * Opens the tap of a NIC by its name, in the network namespace in which this process is.
 *
 * @returns the descriptor
 * @throws {Fault}
 */
export function takeTap({ host_dev_name: name }: NetworkInterface): number {
  const links = Deno.readTextFileSync("/proc/self/net/dev").split("\n");
  if (!links.some((line) => line.trim().startsWith(`${name}:`))) {
    // The real one makes what it does not find, and its guest talks to nobody.
    throw strictness(`there is no tap ${name} in this network namespace`);
  }
  try {
    return openTap(name, 1);
  } catch (error) {
    throw new Fault(
      `Network config error: Could not create the network device: Open tap device failed: Error while creating ifreq ` +
        `structure: ${(error as Error).message}. Invalid TUN/TAP Backend provided by ${name}.`,
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
  const { bootSource, balloon, machine } = resources;
  if (bootSource === undefined) {
    throw new Fault("Start microvm error: Cannot start microvm without kernel configuration.");
  }
  if (!isKernel(bootSource.kernel_image_path, minor)) {
    throw new Fault(
      "Start microvm error: Kernel Loader: failed to load ELF kernel image: Elf: Invalid ELF magic number",
    );
  }
  if (balloon && balloon.amount_mib > machine.mem_size_mib) {
    throw new Fault("Balloon config error: Amount of pages requested cannot be allocated.");
  }
  const most = pci ? MAX_DEVICES.pci : MAX_DEVICES.mmio;
  if (resources.devices > most) {
    throw new Fault(
      "Start microvm error: Could not attach device: Failed to allocate requested resource: no more IRQs are available",
    );
  }
}

function isKernel(path: string, minor: number): boolean {
  using file = Deno.openSync(path, { read: true });
  const head = new Uint8Array(0x206);
  const count = file.readSync(head) ?? 0;
  const text = (at: number, length: number) =>
    new TextDecoder("latin1").decode(head.subarray(at, at + length));
  if (count >= 4 && text(0, 4) === "\x7fELF") return true;
  return minor >= 17 && count === head.length && text(0x202, 4) === "HdrS";
}
