import { QmpClient, type QmpEvent } from "../contract/qmp/client.ts";
import { QmpControl, reconnectQmp } from "../contract/qmp/control.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Control, Counters, LastWords, Reconnected } from "../contract/vm/control.ts";
import { QemuDevices } from "./devices.ts";
import { attachBlock, detachBlock, diskCounters, readHotplugPlan, readPlaces } from "./hotplug.ts";
import type { HotplugPlan } from "./launch_plan.ts";
import { Places } from "./places.ts";
import type { QemuCommands, QemuMonitor } from "./qmp_commands.ts";
import { QemuSize, type Room } from "./size.ts";

/** The monitor of a running QEMU and the places of what is plugged in. */
export class QemuControl extends QmpControl implements Control {
  readonly #monitor: QemuMonitor;
  readonly #places: Places;
  readonly resizable: QemuSize;
  readonly devices: QemuDevices;

  private constructor(monitor: QemuMonitor, plan: HotplugPlan, room: Room) {
    super(monitor, wordsOf);
    this.#monitor = monitor;
    this.resizable = new QemuSize(monitor, room);
    this.#places = new Places(plan);
    this.devices = new QemuDevices(monitor, this.#places);
  }

  /** Reaches the monitor of a QEMU that was just started. @throws {KuasarError} */
  static async connect(path: string, plan: HotplugPlan, room: Room, timeoutMs: number): Promise<QemuControl> {
    return new QemuControl(await QmpClient.connect<QemuCommands>(path, timeoutMs), plan, room);
  }

  /** Reaches the monitor of a QEMU that an earlier driver process has started. @throws {KuasarError} */
  static async reconnect(path: string, room: Room): Promise<Reconnected<QemuControl>> {
    return await reconnectQmp<QemuCommands, QemuControl>(path, undefined, async (monitor) => {
      const control = new QemuControl(monitor, await readHotplugPlan(monitor), room);
      await readPlaces(monitor, control.#places);
      return control;
    });
  }

  async counters(): Promise<Counters> {
    const { actual } = await this.#monitor.execute("query-balloon", {});
    return { memoryBytes: actual, disks: await diskCounters(this.#monitor) };
  }

  attachBlock(device: BlockDevice): Promise<void> {
    return attachBlock(this.#monitor, this.#places.small, device);
  }

  detachBlock(serial: string): Promise<void> {
    return detachBlock(this.#monitor, this.#places.small, serial);
  }
}

function wordsOf({ event, data }: QmpEvent): LastWords | undefined {
  if (event !== "SHUTDOWN") return undefined;
  const reason = String(data.reason ?? "unknown");
  return { reason, crashed: reason === "guest-reset" || reason === "guest-panic" };
}
