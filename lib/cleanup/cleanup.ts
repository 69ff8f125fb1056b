import { asKuasarError, KuasarError } from "../errors/mod.ts";

/** One step of a cleanup: idempotent, so that it can be repeated after a failure or a crash. */
export interface CleanupStep {
  /** What the step does, "unmount the share". */
  name: string;
  run(): void | Promise<void>;
}

/** A step that failed: something is left over. */
export interface Leftover {
  step: string;
  error: KuasarError;
}

/**
 * Runs all steps in order, whatever fails on the way.
 *
 * @returns the steps that failed, empty when nothing is left over
 */
export async function runCleanup(steps: Iterable<CleanupStep>): Promise<Leftover[]> {
  const leftovers: Leftover[] = [];
  for (const { name, run } of steps) {
    try {
      await run();
    } catch (error) {
      leftovers.push({ step: name, error: asKuasarError(error, `Cannot ${name}`) });
    }
  }
  return leftovers;
}

/**
 * Like {@link runCleanup} for a caller that has to know.
 *
 * @param what what was to be cleaned, "the network of sandbox s1"
 * @throws {KuasarError} ABORTED with one line of evidence for each step that failed; the call may be repeated
 */
export async function cleanUp(what: string, steps: Iterable<CleanupStep>): Promise<void> {
  const leftovers = await runCleanup(steps);
  if (leftovers.length === 0) return;
  throw new KuasarError("ABORTED", `Cannot clean up ${what}: ${leftovers.length} step(s) failed`, {
    evidence: leftovers.map(({ step, error }) => `${step}: ${error.message}`),
    cause: leftovers[0]?.error,
  });
}

/**
 * Steps that undo what has been done so far, for work that may fail half-way: `defer` after each effect, `run`
 * on failure. They run in reverse order.
 */
export class UndoStack {
  #steps: CleanupStep[] = [];

  /** Notes what undoes the effect that was just made. */
  defer(name: string, run: CleanupStep["run"]): void {
    this.#steps.push({ name, run });
  }

  /** Undoes everything, last effect first, and forgets it. @returns what is left over */
  async run(): Promise<Leftover[]> {
    const steps = this.#steps.reverse();
    this.#steps = [];
    return await runCleanup(steps);
  }

  /** Forgets all steps: the work succeeded. */
  clear(): void {
    this.#steps = [];
  }
}
