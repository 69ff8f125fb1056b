import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { QmpClient } from "../contract/qmp/client.ts";
import type { Control, LastWords, Reconnected } from "../contract/vm/control.ts";
import { DiskTable } from "./disk_table.ts";
import { attachBlock, detachBlock } from "./hotplug.ts";
import { DIALECT, type StratoVirtCommands, type StratoVirtMonitor } from "./qmp_commands.ts";

/** `quit` answers as soon as the main loop runs. */
const QUIT_TIMEOUT_MS = 1_000;

/** A monitor that does not answer within this time is taken for hung; the VM is adopted without it. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** The monitor of a running StratoVirt and the places of its disks. */
export class StratoVirtControl implements Control {
  readonly #monitor: StratoVirtMonitor;
  readonly #disks: DiskTable;
  #lastWords: LastWords | undefined;

  private constructor(monitor: StratoVirtMonitor, disks: DiskTable) {
    this.#monitor = monitor;
    this.#disks = disks;
    monitor.onEvent(({ event, data }) => {
      // A reset ends a microvm in order, so only a panic that is told as such is a crash.
      if (event === "VM_NOTIFY_EVENT" && data.class === 1 && data.type === 3) {
        this.#lastWords = { reason: "guest-panic", crashed: true };
      }
      if (event === "SHUTDOWN") {
        this.#lastWords ??= { reason: String(data.reason ?? "unknown"), crashed: false };
      }
    });
  }

  /** Greets the monitor of a StratoVirt that was just started. @throws {KuasarError} */
  static async over(conn: Deno.UnixConn, disks: DiskTable, timeoutMs: number): Promise<StratoVirtControl> {
    return new StratoVirtControl(await QmpClient.over<StratoVirtCommands>(conn, timeoutMs, DIALECT), disks);
  }

  /**
   * Reaches the monitor of a StratoVirt that an earlier driver process has started.
   *
   * @param diskTable the file of its disks
   * @throws {KuasarError}
   */
  static async reconnect(path: string, diskTable: string): Promise<Reconnected<StratoVirtControl>> {
    const monitor = await QmpClient.connect<StratoVirtCommands>(path, RECONNECT_TIMEOUT_MS, DIALECT);
    try {
      const { status } = await monitor.execute("query-status", {}, RECONNECT_TIMEOUT_MS);
      const control = new StratoVirtControl(monitor, DiskTable.load(diskTable));
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

  attachBlock(device: BlockDevice): Promise<void> {
    return attachBlock(this.#monitor, this.#disks, device);
  }

  detachBlock(serial: string): Promise<void> {
    return detachBlock(this.#monitor, this.#disks, serial);
  }

  close(): void {
    this.#monitor.close();
  }
}
