import { KuasarError } from "../../../lib/errors/mod.ts";
import { checkId } from "../../../lib/oci/mod.ts";
import type { AttachDeviceRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";

/** A NIC, a share, a pmem file or a VFIO device, as a request names it. */
export type Device = NonNullable<AttachDeviceRequest["device"]>;

/** The devices of one running VM. The VMM is asked what is there: it outlives the driver's process. */
export interface PluggedDevices {
  /**
   * Plugs a device in; one that is there under this id is fine.
   *
   * @returns its PCI address in the guest, `0000:00:06.0`
   * @throws {KuasarError}
   */
  attach(id: string, device: Device): Promise<string>;
  /**
   * Takes a device out and answers when the guest has let go of it. An unknown id is fine.
   *
   * @throws {KuasarError} DEADLINE_EXCEEDED where the guest keeps it; may be repeated
   */
  detach(id: string): Promise<void>;
  /** True where the VMM has the device, also while it is leaving. */
  has(id: string): Promise<boolean>;
}

/** Where is kept what was plugged into a VM; every change is on disk when it answers. */
export interface DeviceRecords {
  get(): Readonly<Record<string, string>>;
  put(devices: Readonly<Record<string, string>>): void;
}

/** The capability that a kind of device needs. */
export function capabilityOf({ $case }: Device): string {
  return `hotplug-${$case}`;
}

/** The device of a request. @throws {KuasarError} INVALID_ARGUMENT */
export function deviceOf({ id, device }: AttachDeviceRequest): Device {
  checkId(id, "device id");
  if (!device) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot plug in device ${id}: the request does not say what it is`,
    );
  }
  return device;
}

/** Tells one device from another under the same id: what is kept of it. */
export function fingerprint({ $case, value }: Device): string {
  return JSON.stringify({ $case, value });
}

/**
 * Plugs a device in, with the intent on record before.
 *
 * @returns its PCI address in the guest
 * @throws {KuasarError} ALREADY_EXISTS where the id is another device's
 */
export async function attachDevice(
  devices: PluggedDevices,
  records: DeviceRecords,
  id: string,
  device: Device,
): Promise<string> {
  const known = records.get();
  const wanted = fingerprint(device);
  if (Object.hasOwn(known, id) && known[id] !== wanted) {
    throw new KuasarError(
      "ALREADY_EXISTS",
      `Cannot plug in device ${id}: another one has this id; take it out first`,
    );
  }
  records.put({ ...known, [id]: wanted });
  try {
    return await devices.attach(id, device);
  } catch (error) {
    // An answer that came too late may have been a yes: only what is certainly not there is forgotten.
    if (!await devices.has(id).catch(() => true)) forget(records, id);
    throw error;
  }
}

/** Takes a device out; it stays on record until the guest has let go of it. */
export async function detachDevice(
  devices: PluggedDevices,
  records: DeviceRecords,
  id: string,
): Promise<void> {
  await devices.detach(id);
  forget(records, id);
}

function forget(records: DeviceRecords, id: string): void {
  const { [id]: gone, ...rest } = records.get();
  if (gone !== undefined) records.put(rest);
}
