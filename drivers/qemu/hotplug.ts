import { KuasarError } from "../../lib/errors/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { DiskCounters } from "../contract/vm/control.ts";
import { blockFileKind, checkSerial } from "../contract/vm/block_file.ts";
import type { SlotTable } from "../contract/vm/slots.ts";
import { placeKey } from "./device_ids.ts";
import { BRIDGE_ID, type HotplugPlan, portId } from "./launch_plan.ts";
import type { Places } from "./places.ts";
import type { QemuMonitor } from "./qmp_commands.ts";
import { unplug } from "./unplug.ts";

const DRIVER = "virtio-blk-pci-non-transitional";

/** Marks the ids of plugged disks among all devices of the VM. */
const PREFIX = "disk-";

/** Where QEMU lists the devices that have ids. */
export const PERIPHERALS = "/machine/peripheral";

/**
 * Plugs a disk into a running guest, which finds it by its serial. A disk that is there already is fine.
 *
 * @throws {KuasarError} INVALID_ARGUMENT for a bad serial or file, RESOURCE_EXHAUSTED without a free slot
 */
export async function attachBlock(qmp: QemuMonitor, slots: SlotTable, device: BlockDevice): Promise<void> {
  checkSerial(device.serial);
  if (slots.has(device.serial)) return;
  const driver = await blockFileKind(device.hostPath) === "file" ? "file" : "host_device";
  const id = PREFIX + device.serial;
  if (slots.mayHave(device.serial)) await detachBlock(qmp, slots, device.serial);
  const slot = slots.take(device.serial);
  try {
    await qmp.execute("blockdev-add", {
      "node-name": id,
      driver: "raw",
      "read-only": device.readOnly,
      discard: "unmap",
      cache: { direct: false, "no-flush": false },
      file: { driver, filename: device.hostPath, aio: "threads" },
    });
    try {
      await qmp.execute("device_add", { driver: DRIVER, id, drive: id, serial: device.serial, ...slot });
    } catch (error) {
      await qmp.execute("blockdev-del", { "node-name": id }).catch(() => {});
      throw error;
    }
  } catch (error) {
    slots.free(device.serial);
    throw error;
  }
}

/**
 * Takes a disk out of a running guest and answers when the guest has let go of it. An unknown serial is fine.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED or FAILED_PRECONDITION where the guest keeps it; may be repeated
 */
export async function detachBlock(qmp: QemuMonitor, slots: SlotTable, serial: string): Promise<void> {
  checkSerial(serial);
  if (!slots.mayHave(serial)) return;
  const id = PREFIX + serial;
  try {
    await unplug(qmp, id, `disk ${serial}`);
  } catch (error) {
    slots.lose(serial);
    throw error;
  }
  await deleteNode(qmp, id);
  slots.free(serial);
}

/** Reads from QEMU which places it was started with. */
export async function readHotplugPlan(qmp: QemuMonitor): Promise<HotplugPlan> {
  const names = new Set((await qmp.execute("qom-list", { path: PERIPHERALS })).map(({ name }) => name));
  let count = 0;
  while (names.has(portId(count))) count++;
  return names.has(BRIDGE_ID) ? { kind: "bridge", ports: count } : { kind: "ports", count };
}

/** Reads from QEMU what is plugged in, and finishes removals of disks that were under way. */
export async function readPlaces(qmp: QemuMonitor, places: Places): Promise<void> {
  const plugged = new Set<string>();
  for (const { name } of await qmp.execute("qom-list", { path: PERIPHERALS })) {
    const key = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : placeKey(name);
    if (key === undefined) continue;
    const path = `${PERIPHERALS}/${name}`;
    const bus = await qmp.execute("qom-get", { path, property: "parent_bus" });
    const devfn = await qmp.execute("qom-get", { path, property: "addr" });
    if (typeof bus !== "string" || typeof devfn !== "number") continue;
    const addr = `0x${(devfn >> 3).toString(16)}`;
    if (places.put(key, { bus: bus.slice(bus.lastIndexOf("/") + 1), addr })) plugged.add(name);
  }
  for (const { "node-name": node } of await qmp.execute("query-named-block-nodes", { flat: true })) {
    if (node?.startsWith(PREFIX) && !plugged.has(node)) await deleteNode(qmp, node).catch(() => {});
  }
}

/** What QEMU counts of the disks that are plugged in. */
export async function diskCounters(qmp: QemuMonitor): Promise<DiskCounters[]> {
  const found = await qmp.execute("query-blockstats", {});
  return found.flatMap(({ "node-name": node, stats }) =>
    node?.startsWith(PREFIX)
      ? [{
        serial: node.slice(PREFIX.length),
        readBytes: stats.rd_bytes,
        readOps: stats.rd_operations,
        writeBytes: stats.wr_bytes,
        writeOps: stats.wr_operations,
      }]
      : []
  );
}

async function deleteNode(qmp: QemuMonitor, node: string): Promise<void> {
  try {
    await qmp.execute("blockdev-del", { "node-name": node });
  } catch (error) {
    const gone = error instanceof KuasarError &&
      /Failed to find node|Cannot find (device|node)/i.test(error.message);
    if (!gone) throw error;
  }
}
