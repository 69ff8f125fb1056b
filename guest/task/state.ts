import { KuasarError } from "../../lib/errors/mod.ts";

/** Where a process is in its life. */
export type State = "created" | "running" | "paused" | "stopped" | "deleted";

/** What may happen to a process. */
export type Action = "start" | "pause" | "resume" | "exit" | "delete";

/** Every allowed move; what is not here is refused. */
export const TRANSITIONS: Readonly<Record<State, Partial<Record<Action, State>>>> = {
  created: { start: "running", exit: "stopped" },
  running: { pause: "paused", exit: "stopped" },
  paused: { resume: "running", exit: "stopped" },
  stopped: { delete: "deleted" },
  deleted: {},
};

/**
 * The state after `action`.
 *
 * @param what names the process in the error
 * @throws KuasarError FAILED_PRECONDITION where the move is not allowed
 */
export function next(state: State, action: Action, what: string): State {
  const to = TRANSITIONS[state][action];
  if (to === undefined) {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot ${action} ${what}: it is ${state}`);
  }
  return to;
}
