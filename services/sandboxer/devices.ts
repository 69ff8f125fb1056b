import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type { AttachRequest, AttachResponse } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import type { Context } from "./context.ts";
import { checkMachine } from "./machine.ts";
import type { Sandbox } from "./sandbox.ts";

/** Marks the serials of disks that a person has plugged in, among those of containers. */
const SERIAL_PREFIX = "user-";

/** A serial has 20 bytes. */
const MAX_DISK_NAME = 20 - SERIAL_PREFIX.length;

/**
 * Plugs a device into a sandbox. Its driver keeps it on record; it goes with the sandbox.
 *
 * @returns where the guest finds it
 * @throws FAILED_PRECONDITION where the sandbox does not run, UNIMPLEMENTED for a driver that cannot, and what the driver
 * has against the device
 */
export async function attachDevice(
  { peers, config }: Context,
  { id: sandboxId, record }: Sandbox,
  { name, device }: AttachRequest,
): Promise<AttachResponse> {
  checkMachine(sandboxId, record, "plug a device into");
  checkId(name, "device name");
  if (!device) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot plug in ${name}: the request does not say what it is`);
  }
  const options = { timeoutMs: config.timeouts.peer_ms };
  if (device.$case === "disk") {
    const disk = { ...device.value, serial: serialOf(name) };
    const answer = await peers.driver(record.driver).attachBlock({ sandboxId, device: disk }, options);
    return { pciAddress: "", serial: disk.serial, guestSource: answer.guestSource ?? "" };
  }
  const plugged = device.$case === "nic"
    ? { ...device, value: { ...device.value, netnsPath: device.value.netnsPath || record.netnsPath } }
    : device;
  const request = { sandboxId, id: name, device: plugged };
  const { pciAddress } = await peers.machine(record.driver).attachDevice(request, options);
  return { pciAddress, serial: "", guestSource: "" };
}

/**
 * Takes out what was plugged in under a name, a disk or another device. An unknown name is fine.
 *
 * @throws DEADLINE_EXCEEDED or FAILED_PRECONDITION where the guest keeps it; may be repeated
 */
export async function detachDevice(
  { peers, config }: Context,
  { id: sandboxId, record }: Sandbox,
  name: string,
): Promise<void> {
  checkMachine(sandboxId, record, "take a device out of");
  checkId(name, "device name");
  const options = { timeoutMs: config.timeouts.peer_ms };
  if (name.length <= MAX_DISK_NAME) {
    await peers.driver(record.driver).detachBlock({ sandboxId, serial: serialOf(name) }, options);
  }
  await peers.machine(record.driver).detachDevice({ sandboxId, id: name }, options);
}

function serialOf(name: string): string {
  if (name.length <= MAX_DISK_NAME) return SERIAL_PREFIX + name;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot plug in ${name}: the name of a disk has at most ${MAX_DISK_NAME} characters`,
  );
}
