import type { LastWords, Reconnected } from "../vm/control.ts";
import { QmpClient, type QmpCommandTable, type QmpDialect, type QmpEvent } from "./client.ts";

type Nothing = Record<never, never>;

/** `quit` answers as soon as the VMM's main loop runs. */
const QUIT_TIMEOUT_MS = 1_000;

/** A monitor that does not answer within this time is taken for hung; the VM is adopted without it. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** What every monitor has. */
export interface RunCommands {
  "query-status": { args: Nothing; returns: { running: boolean; status: string } };
  cont: { args: Nothing; returns: unknown };
  stop: { args: Nothing; returns: unknown };
  quit: { args: Nothing; returns: unknown };
}

/** The part of a monitor that runs, stops and ends a VM. */
interface RunMonitor {
  readonly closed: Promise<void>;
  execute(
    command: "query-status" | "cont" | "stop" | "quit",
    args: Nothing,
    timeoutMs?: number,
  ): Promise<unknown>;
  onEvent(listener: (event: QmpEvent) => void): void;
  close(): void;
}

/** What the controls of VMMs with a QMP monitor share; what they plug is their own. */
export abstract class QmpControl {
  readonly #monitor: RunMonitor;
  #lastWords: LastWords | undefined;

  /**
   * Takes the monitor over.
   *
   * @param wordsOf what an event says of the end of the VM; the first that says anything counts
   */
  protected constructor(monitor: RunMonitor, wordsOf: (event: QmpEvent) => LastWords | undefined) {
    this.#monitor = monitor;
    monitor.onEvent((event) => this.#lastWords ??= wordsOf(event));
  }

  get closed(): Promise<void> {
    return this.#monitor.closed;
  }

  get lastWords(): LastWords | undefined {
    return this.#lastWords;
  }

  async probe(timeoutMs: number): Promise<void> {
    await this.#monitor.execute("query-status", {}, timeoutMs);
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

  close(): void {
    this.#monitor.close();
  }
}

/**
 * Reaches the monitor of a VMM that an earlier driver process has started.
 *
 * @param adopt makes the control of it, with what is plugged in
 * @throws {KuasarError}
 */
export async function reconnectQmp<C extends QmpCommandTable<C> & RunCommands, T extends QmpControl>(
  path: string,
  dialect: QmpDialect | undefined,
  adopt: (monitor: QmpClient<C>) => Promise<T>,
): Promise<{ control: T; state: Reconnected<never>["state"] }> {
  const monitor = await QmpClient.connect<C>(path, RECONNECT_TIMEOUT_MS, dialect);
  try {
    const { status } = await monitor.execute(
      "query-status",
      {},
      RECONNECT_TIMEOUT_MS,
    ) as RunCommands["query-status"]["returns"];
    return { control: await adopt(monitor), state: status === "paused" ? "PAUSED" : "RUNNING" };
  } catch (error) {
    monitor.close();
    throw error;
  }
}
