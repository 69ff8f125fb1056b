import { KuasarError } from "../../lib/errors/mod.ts";

/**
 * The states of a sandbox and where each may go.
 *
 * `starting` and `stopping` are intents: they are stored before anything is done, so that a sandboxer that
 * was killed knows what to undo. A sandbox that is gone has no state: its row is deleted from `removing`.
 */
export const TRANSITIONS = {
  /** Known, nothing started. */
  created: ["starting", "stopping", "removing"],
  /** Parts of it may exist. */
  starting: ["ready", "removing"],
  /** Containers can run. */
  ready: ["stopping"],
  /** It ends or has ended; parts of it may still exist. */
  stopping: ["stopped", "removing"],
  /** Nothing of it is left but what `Status` tells. */
  stopped: ["removing"],
  /** It is being forgotten. */
  removing: [],
} as const satisfies Record<string, readonly string[]>;

/** A state of a sandbox. */
export type SandboxState = keyof typeof TRANSITIONS;

/** All states, in the order of a life. */
export const STATES = Object.keys(TRANSITIONS) as SandboxState[];

/** True where the table allows the move. */
export function mayMove(from: SandboxState, to: SandboxState): boolean {
  return (TRANSITIONS[from] as readonly string[]).includes(to);
}

/** @throws FAILED_PRECONDITION where the table does not allow the move */
export function checkMove(id: string, from: SandboxState, to: SandboxState): void {
  if (mayMove(from, to)) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot move sandbox ${id} to ${to}: its current state is ${from}`,
  );
}
