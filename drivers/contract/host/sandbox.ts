import type { ProcessRef } from "../../../lib/process/mod.ts";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { type SandboxPaths, sandboxPaths } from "./paths.ts";
import type { SandboxExit } from "../sandbox_exit.ts";
import type { SandboxRecord } from "./record.ts";

/** One sandbox as its driver sees it. */
export class Sandbox {
  readonly id: string;
  readonly paths: SandboxPaths;
  record: SandboxRecord;
  /** The start under way; settles with it, never rejects. */
  starting: Promise<void> = Promise.resolve();
  /** Set when a start under way is to be given up. */
  readonly abort = new AbortController();
  readonly #ended = Promise.withResolvers<SandboxExit>();

  constructor(driverDir: string, record: SandboxRecord) {
    this.id = record.id;
    this.paths = sandboxPaths(driverDir, record.id);
    this.record = record;
    if (record.exit) this.#ended.resolve(record.exit);
  }

  /** The process that is the sandbox, or holds its PID namespace; undefined where it needs none. */
  get process(): ProcessRef | undefined {
    return this.record.process ?? this.record.pause;
  }

  /** Settles when the sandbox has ended. */
  get ended(): Promise<SandboxExit> {
    return this.#ended.promise;
  }

  /** Says that it has ended; only the first time counts. */
  end(exit: SandboxExit): void {
    this.record = { ...this.record, state: "STOPPED", exit: this.record.exit ?? exit };
    this.#ended.resolve(this.record.exit!);
  }

  /** The state as the contract names it. */
  get state(): SandboxState {
    return SandboxState[this.record.state];
  }
}
