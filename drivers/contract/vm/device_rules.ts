import { KuasarError } from "../../../lib/errors/mod.ts";
import { isMac } from "../../../lib/netlink/mod.ts";
import type { Nic } from "../../../lib/proto/gen/kuasar/network/v1/network.ts";
import { isListening } from "../listening.ts";
import { type Share, ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** VMMs map pmem in pieces of this many bytes. */
const PMEM_ALIGNMENT = 2 * 1024 * 1024;

/** virtio-fs has room for so much. */
const MAX_TAG_BYTES = 36;

/** Checks a NIC. @throws {KuasarError} INVALID_ARGUMENT */
export function checkNic({ mac }: Nic): void {
  if (!isMac(mac)) throw invalid(`${JSON.stringify(mac)} is no MAC address`);
}

/**
 * Checks a share and that its daemon is there: a VMM may wait for it for a minute, in which it hears nothing else.
 *
 * @throws {KuasarError} INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION where nobody listens
 */
export async function checkShare({ kind, tag, socketPath }: Share): Promise<void> {
  if (kind !== ShareKind.VIRTIOFS) throw invalid("only virtiofs shares can be plugged in");
  if (!/^[\x21-\x7e]+$/.test(tag) || tag.length > MAX_TAG_BYTES) {
    throw invalid(`${JSON.stringify(tag.slice(0, 40))} is no tag of 1 to ${MAX_TAG_BYTES} printable bytes`);
  }
  const info = await statOf(socketPath);
  if (!info.isSocket) throw invalid(`${socketPath} is no socket`);
  if (!isListening(socketPath)) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot plug in a share: nobody listens at ${socketPath}, so its virtiofs daemon has ended or serves somebody`,
    );
  }
}

/** Checks a file that is to be persistent memory. @throws {KuasarError} INVALID_ARGUMENT, NOT_FOUND */
export async function checkPmem(path: string): Promise<void> {
  const { isFile, size } = await statOf(path);
  if (!isFile) throw invalid(`${path} is no file`);
  if (size === 0 || size % PMEM_ALIGNMENT !== 0) {
    throw invalid(`${path} has ${size} bytes, which is no multiple of 2 MiB`);
  }
}

/** Drivers of a group's other devices that leave them to whoever has the group. */
const HARMLESS = new Set(["", "vfio-pci", "pcieport", "pci-stub"]);

/**
 * The directory of a PCI device that may be given to a VM.
 *
 * @param devices where the kernel lists them
 * @throws {KuasarError} INVALID_ARGUMENT, NOT_FOUND; FAILED_PRECONDITION where the host has no IOMMU for it, or another
 * driver has it or a device of its group
 */
export async function vfioPath(address: string, devices = "/sys/bus/pci/devices"): Promise<string> {
  if (!/^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(address)) {
    throw invalid(`${JSON.stringify(address.slice(0, 40))} is no PCI address like 0000:03:00.0`);
  }
  const path = `${devices}/${address}`;
  await statOf(path);
  const group = `${path}/iommu_group/devices`;
  const members = await Array.fromAsync(Deno.readDir(group)).catch(() => undefined);
  if (!members) {
    throw impossible(
      address,
      "the host has no IOMMU for it; switch it on in the firmware and with the kernel parameter intel_iommu=on",
    );
  }
  const driver = await driverOf(path);
  if (driver !== "vfio-pci") {
    throw impossible(address, `it is bound to ${driver || "no driver"}; bind it to vfio-pci`);
  }
  for (const { name } of members) {
    const other = await driverOf(`${group}/${name}`);
    if (!HARMLESS.has(other)) {
      throw impossible(
        address,
        `${name} of the same IOMMU group is bound to ${other}; bind it to vfio-pci too`,
      );
    }
  }
  return `${path}/`;
}

async function driverOf(path: string): Promise<string> {
  return await Deno.readLink(`${path}/driver`).then(
    (link) => link.slice(link.lastIndexOf("/") + 1),
    () => "",
  );
}

function impossible(address: string, reason: string): KuasarError {
  return new KuasarError("FAILED_PRECONDITION", `Cannot plug in ${address}: ${reason}`);
}

async function statOf(path: string): Promise<Deno.FileInfo> {
  if (!path.startsWith("/")) throw invalid(`the path ${JSON.stringify(path)} is not absolute`);
  try {
    return await Deno.stat(path);
  } catch (cause) {
    throw new KuasarError("NOT_FOUND", `Cannot plug in ${path}: ${(cause as Error).message}`, { cause });
  }
}

function invalid(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot plug in a device: ${reason}`);
}
