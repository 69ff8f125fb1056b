import { KuasarError } from "../../lib/errors/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { blockFileKind, checkSerial } from "../contract/vm/block_file.ts";
import type { DiskTable } from "./disk_table.ts";
import { MMIO_BUS } from "./launch_plan.ts";
import type { StratoVirtMonitor } from "./qmp_commands.ts";

/** The guest has to look at its bus and let go of the disk; a busy one needs a moment. */
const UNPLUG_TIMEOUT_MS = 10_000;

/** While a port's indicator blinks, the next change there is refused. */
const BLINKING_RETRY_MS = 100;
const BLINKING_TIMEOUT_MS = 6_000;

/** A device, or what stood behind one, is no longer there: a q35 looks for it among USB devices at last. */
const GONE = /not found|failed to find|can not find/i;

/** Marks the ids of plugged disks. */
const PREFIX = "disk-";

/**
 * Plugs a disk into a running guest, which finds it by its serial. A disk that is there already is fine.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for a bad serial or file, RESOURCE_EXHAUSTED without a free place
 */
export async function attachBlock(
  qmp: StratoVirtMonitor,
  disks: DiskTable,
  { serial, hostPath, readOnly }: BlockDevice,
): Promise<void> {
  checkSerial(serial);
  if (disks.has(serial)) return;
  await blockFileKind(hostPath);
  if (disks.slotOf(serial)) await detachBlock(qmp, disks, serial);
  const id = PREFIX + serial;
  const { bus, addr } = disks.take(serial);
  try {
    await qmp.execute("blockdev-add", {
      "node-name": id,
      driver: "raw",
      "read-only": readOnly,
      file: { driver: "file", filename: hostPath, aio: "off" },
      cache: { direct: false },
    });
    const common = { id, drive: id, serial, addr };
    try {
      await notBlinking(() =>
        qmp.execute(
          "device_add",
          bus === MMIO_BUS
            ? { driver: "virtio-blk-mmio", ...common }
            : { driver: "virtio-blk-pci", bus, ...common },
        )
      );
    } catch (error) {
      // A microvm has no blockdev-del: a backend without its device goes the way of the device.
      if (bus === MMIO_BUS) await qmp.execute("device_del", { id }).catch(() => {});
      else await deleteNode(qmp, id, bus);
      throw error;
    }
  } catch (error) {
    disks.free(serial);
    throw error;
  }
}

/**
 * Takes a disk out of a running guest and answers when the guest has let go of it. An unknown serial is fine.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED where the guest keeps it; may be repeated
 */
export async function detachBlock(qmp: StratoVirtMonitor, disks: DiskTable, serial: string): Promise<void> {
  checkSerial(serial);
  const slot = disks.slotOf(serial);
  if (!slot) return;
  const id = PREFIX + serial;
  try {
    await unplug(qmp, id, `disk ${serial}`);
  } catch (error) {
    disks.lose(serial);
    throw error;
  }
  await deleteNode(qmp, id, slot.bus);
  disks.free(serial);
}

/**
 * Takes a device out of a running guest and answers when the guest has let go of it. One that is not there is fine.
 *
 * @param what the device in messages: `disk d1`
 * @throws {KuasarError} DEADLINE_EXCEEDED where the guest keeps it; may be repeated
 */
export async function unplug(qmp: StratoVirtMonitor, id: string, what: string): Promise<void> {
  const deleted = qmp.expect(
    ({ event, data }) => event === "DEVICE_DELETED" && data.device === id,
    UNPLUG_TIMEOUT_MS,
    `take out ${what}`,
  );
  try {
    await notBlinking(() => qmp.execute("device_del", { id }));
    await deleted.arrived;
  } catch (error) {
    // A removal that came through after an earlier deadline: the device is gone, only what stood behind it is left.
    if (!isGone(error)) throw error;
  } finally {
    deleted.cancel();
  }
}

/** True where StratoVirt has refused to remove what it does not have. */
export function isGone(error: unknown): boolean {
  return GONE.test((error as Error).message);
}

/** Repeats a change of a port while an earlier one is under way there. */
export async function notBlinking(change: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + BLINKING_TIMEOUT_MS;
  for (;;) {
    try {
      await change();
      return;
    } catch (error) {
      const blinking = error instanceof KuasarError && /\(un\)plugging/.test(error.message);
      if (!blinking || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, BLINKING_RETRY_MS));
    }
  }
}

/** On a microvm the backend goes with the device. */
async function deleteNode(qmp: StratoVirtMonitor, node: string, bus: string): Promise<void> {
  if (bus === MMIO_BUS) return;
  try {
    await qmp.execute("blockdev-del", { "node-name": node });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
