import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { ANSWER_MS, OVERDUE_MS, UnansweredError } from "./answer_times.ts";
import type { GuestTask } from "./sandbox_link.ts";

const METHODS = Object.keys(TaskDefinition.methods) as (keyof GuestTask)[];

/** Makes one call, whose answer may never come. @param limitMs for which it is waited for */
type Call = (method: keyof GuestTask, request: unknown, limitMs: number | undefined) => Promise<unknown>;

/** The calls to whatever runs a sandbox's containers, each with the time that it has by {@link ANSWER_MS}. */
export class TimedCalls {
  readonly #sandboxId: string;
  /** Those that should have been answered by now. */
  readonly #overdue = new Set<Promise<unknown>>();

  constructor(sandboxId: string) {
    this.#sandboxId = sandboxId;
  }

  /** True while a call is not answered that should be. */
  get silent(): boolean {
    return this.#overdue.size > 0;
  }

  /** @throws UnansweredError from each call that is given up */
  client(call: Call): GuestTask {
    const calls = METHODS.map((name) => [name, (request: unknown) => this.#timed(call, name, request)]);
    return Object.fromEntries(calls) as GuestTask;
  }

  async #timed(make: Call, method: keyof GuestTask, request: unknown): Promise<unknown> {
    const limitMs = ANSWER_MS[method];
    const call = make(method, request, limitMs);
    if (limitMs === undefined) return await call;
    const overdue = setTimeout(() => this.#overdue.add(call), OVERDUE_MS);
    const giveUp = Promise.withResolvers<never>();
    const limit = setTimeout(
      () => giveUp.reject(new UnansweredError(this.#sandboxId, method, limitMs)),
      limitMs,
    );
    try {
      return await Promise.race([call, giveUp.promise]);
    } finally {
      clearTimeout(limit);
      // One that was given up tells of the silence until it is answered after all, or lost.
      void call.catch(() => {}).then(() => {
        clearTimeout(overdue);
        this.#overdue.delete(call);
      });
    }
  }
}
