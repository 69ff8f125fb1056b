import { exitOfWaitOutput, exitOfWaitStatus, UnknownCall } from "./answer.ts";
import type { Runsc } from "./command.ts";
import type { Control } from "./control.ts";
import { type SandboxUsage, usageIn } from "./metrics.ts";

/** Whom a signal reaches, as a sandbox counts it. */
const TO_PROCESS = 0;
const TO_ALL = 1;

/** What a sandbox is asked about one of its containers: by its control socket, or by runsc where it does not know the call. */
export class ContainerCalls {
  /** Of the container, as runsc knows it. */
  readonly #id: string;
  readonly #control: Control;
  readonly #runsc: Runsc;

  constructor(id: string, control: Control, runsc: Runsc) {
    this.#id = id;
    this.#control = control;
    this.#runsc = runsc;
  }

  /** @param pid in the sandbox; 0 for the container's init */
  async signal(signal: number, pid: number, everyone: boolean): Promise<void> {
    const arg = { CID: this.#id, Signo: signal, PID: pid, Mode: everyone ? TO_ALL : TO_PROCESS };
    await this.#ask("Signal", arg, () => this.#runsc.kill(this.#id, signal, pid, everyone));
  }

  /** Pids in the sandbox. */
  async pids(): Promise<number[]> {
    const query = () => this.#runsc.query(["ps", "--format", "json", this.#id]);
    const answer = await this.#ask("Processes", this.#id, query);
    if (!Array.isArray(answer)) return [];
    const pids = answer.map((
      entry: unknown,
    ) => (typeof entry === "number" ? entry : (entry as { pid?: unknown })?.pid));
    return pids.filter((pid): pid is number => typeof pid === "number" && Number.isInteger(pid) && pid > 0);
  }

  /** What the container uses. */
  async usage(): Promise<SandboxUsage> {
    return usageIn(
      await this.#ask("Event", this.#id, async () => ({
        event: await this.#runsc.query(["events", "--stats", this.#id]),
      })),
    );
  }

  /** Waits for the end of the container's init, whose exit code the sandbox keeps until the container is deleted. */
  async wait(): Promise<number> {
    const answer = await this.#ask("Wait", this.#id, () => this.#runsc.wait(this.#id), 0);
    // The sandbox answers with a wait status, runsc prints JSON.
    return typeof answer === "string" ? exitOfWaitOutput(answer) : exitOfWaitStatus(answer);
  }

  async #ask(
    method: string,
    arg: unknown,
    otherwise: () => Promise<unknown>,
    timeoutMs?: number,
  ): Promise<unknown> {
    try {
      return await this.#control.call(method, arg, timeoutMs);
    } catch (error) {
      if (!(error instanceof UnknownCall)) throw error;
      return await otherwise();
    }
  }
}
