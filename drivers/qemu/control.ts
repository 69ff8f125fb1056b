import { QmpClient } from "../contract/qmp/client.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Control, Counters, LastWords, Reconnected } from "../contract/vm/control.ts";
import { SlotTable } from "../contract/vm/slots.ts";
import { attachBlock, detachBlock, diskCounters, readHotplugPlan, readSlots } from "./hotplug.ts";
import { type HotplugPlan, hotplugSlots } from "./launch_plan.ts";
import type { QemuCommands, QemuMonitor } from "./qmp_commands.ts";
import { QemuSize, type Room } from "./size.ts";

/** `quit` answers as soon as QEMU's main loop runs. */
const QUIT_TIMEOUT_MS = 1_000;

/** A monitor that does not answer within this time is taken for hung; the VM is adopted without it. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** The monitor of a running QEMU and the places of its disks. */
export class QemuControl implements Control {
  readonly #monitor: QemuMonitor;
  readonly #slots: SlotTable;
  readonly resizable: QemuSize;
  #lastWords: LastWords | undefined;

  private constructor(monitor: QemuMonitor, plan: HotplugPlan, room: Room) {
    this.#monitor = monitor;
    this.resizable = new QemuSize(monitor, room);
    this.#slots = new SlotTable(hotplugSlots(plan));
    monitor.onEvent(({ event, data }) => {
      if (event !== "SHUTDOWN") return;
      const reason = String(data.reason ?? "unknown");
      this.#lastWords = { reason, crashed: reason === "guest-reset" || reason === "guest-panic" };
    });
  }

  /** Reaches the monitor of a QEMU that was just started. @throws {KuasarError} */
  static async connect(path: string, plan: HotplugPlan, room: Room, timeoutMs: number): Promise<QemuControl> {
    return new QemuControl(await QmpClient.connect<QemuCommands>(path, timeoutMs), plan, room);
  }

  /** Reaches the monitor of a QEMU that an earlier driver process has started. @throws {KuasarError} */
  static async reconnect(path: string, room: Room): Promise<Reconnected<QemuControl>> {
    const monitor = await QmpClient.connect<QemuCommands>(path, RECONNECT_TIMEOUT_MS);
    try {
      const { status } = await monitor.execute("query-status", {}, RECONNECT_TIMEOUT_MS);
      const control = new QemuControl(monitor, await readHotplugPlan(monitor), room);
      await readSlots(monitor, control.#slots);
      return { control, state: status === "paused" ? "PAUSED" : "RUNNING" };
    } catch (error) {
      monitor.close();
      throw error;
    }
  }

  get closed(): Promise<void> {
    return this.#monitor.closed;
  }

  get lastWords(): LastWords | undefined {
    return this.#lastWords;
  }

  async pause(): Promise<void> {
    await this.#monitor.execute("stop", {});
  }

  async resume(): Promise<void> {
    await this.#monitor.execute("cont", {});
  }

  async quit(): Promise<void> {
    await this.#monitor.execute("quit", {}, QUIT_TIMEOUT_MS);
  }

  async counters(): Promise<Counters> {
    const { actual } = await this.#monitor.execute("query-balloon", {});
    return { memoryBytes: actual, disks: await diskCounters(this.#monitor) };
  }

  attachBlock(device: BlockDevice): Promise<void> {
    return attachBlock(this.#monitor, this.#slots, device);
  }

  detachBlock(serial: string): Promise<void> {
    return detachBlock(this.#monitor, this.#slots, serial);
  }

  close(): void {
    this.#monitor.close();
  }
}
