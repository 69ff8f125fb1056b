import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { QmpClient, type QmpEvent, type QmpStream } from "../contract/qmp/client.ts";
import { QmpControl, reconnectQmp } from "../contract/qmp/control.ts";
import type { Control, LastWords, Reconnected } from "../contract/vm/control.ts";
import { StratoVirtDevices } from "./devices.ts";
import { DiskTable } from "./disk_table.ts";
import { attachBlock, detachBlock } from "./hotplug.ts";
import { DIALECT, type StratoVirtCommands, type StratoVirtMonitor } from "./qmp_commands.ts";

/** The monitor of a running StratoVirt and the places of its disks. */
export class StratoVirtControl extends QmpControl implements Control {
  readonly #monitor: StratoVirtMonitor;
  readonly #disks: DiskTable;
  /** None on a microvm, which has no root ports. */
  readonly devices?: StratoVirtDevices;

  private constructor(monitor: StratoVirtMonitor, disks: DiskTable) {
    super(monitor, wordsOf);
    this.#monitor = monitor;
    this.#disks = disks;
    if (disks.onPorts) this.devices = new StratoVirtDevices(monitor, disks);
  }

  /** Greets the monitor of a StratoVirt that was just started. @throws {KuasarError} */
  static async over(stream: QmpStream, disks: DiskTable, timeoutMs: number): Promise<StratoVirtControl> {
    return new StratoVirtControl(await QmpClient.over<StratoVirtCommands>(stream, timeoutMs, DIALECT), disks);
  }

  /**
   * Reaches the monitor of a StratoVirt that an earlier driver process has started.
   *
   * @param diskTable the file of its disks
   * @throws {KuasarError}
   */
  static async reconnect(path: string, diskTable: string): Promise<Reconnected<StratoVirtControl>> {
    return await reconnectQmp<StratoVirtCommands, StratoVirtControl>(
      path,
      DIALECT,
      async (monitor) => new StratoVirtControl(monitor, DiskTable.load(diskTable)),
    );
  }

  attachBlock(device: BlockDevice): Promise<void> {
    return attachBlock(this.#monitor, this.#disks, device);
  }

  detachBlock(serial: string): Promise<void> {
    return detachBlock(this.#monitor, this.#disks, serial);
  }
}

/** A reset ends a microvm in order, so only a panic that is told as such is a crash. */
function wordsOf({ event, data }: QmpEvent): LastWords | undefined {
  if (event === "VM_NOTIFY_EVENT" && data.class === 1 && data.type === 3) {
    return { reason: "guest-panic", crashed: true };
  }
  return event === "SHUTDOWN" ? { reason: String(data.reason ?? "unknown"), crashed: false } : undefined;
}
