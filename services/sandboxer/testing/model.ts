import type { SandboxState } from "../state.ts";

/** The calls of a start to its peers, in their order. */
export const START_CALLS = [
  "network/attach",
  "storage/createShare",
  "driver/start",
  "guest/setupSandbox",
] as const;

/** The calls of a cleanup to its peers. */
export const CLEANUP_CALLS = ["driver/remove", "storage/removeShare", "network/detach"] as const;

export type CleanupCall = typeof CLEANUP_CALLS[number];

/** How a start fails. */
export interface StartFault {
  /** Which of its calls, from 0. */
  at: number;
  /** From then on this call of every cleanup fails, too. */
  breaks?: CleanupCall;
}

/** What may happen to a sandbox. */
export type Action =
  /** What containerd asks over the Sandbox API. */
  | { kind: "create" | "stop" | "shutdown" }
  | { kind: "start"; fault?: StartFault }
  /** What the task server asks for a task of the same id. */
  | { kind: "run"; fault?: StartFault }
  | { kind: "release" }
  /** From now on this call of every cleanup fails; or none does. */
  | { kind: "break"; call: CleanupCall }
  | { kind: "mend" }
  | { kind: "crash" | "restart" }
  /** What was left over is tried again. */
  | { kind: "retry" };

/** What is to be seen of the sandbox. */
export interface Model {
  state: SandboxState | "none";
  /** Made for a task. */
  standalone: boolean;
  /** Its cleanup fails. */
  broken: boolean;
}

/** What an action must lead to; with a code it is refused. */
export interface Outcome {
  next: Model;
  code?: string;
}

/** The model before anything has happened. */
export const NOTHING: Model = { state: "none", standalone: false, broken: false };

/** What `action` does to a sandbox by the documentation. */
export function outcomeOf(model: Model, action: Action): Outcome {
  const { state, standalone } = model;
  const stay = (code?: string): Outcome => ({ next: model, ...(code && { code }) });
  const to = (next: Model["state"], code?: string): Outcome => ({
    next: { ...model, state: next },
    ...(code && { code }),
  });
  switch (action.kind) {
    case "break":
      return { next: { ...model, broken: true } };
    case "mend":
      return { next: { ...model, broken: false } };
    case "create":
      return state === "none"
        ? { next: { ...model, state: "created", standalone: false } }
        : stay("ALREADY_EXISTS");
    case "start":
      if (state === "none") return stay("NOT_FOUND");
      if (state !== "created") return stay("FAILED_PRECONDITION");
      return started(model, action.fault);
    case "run": {
      if (state !== "none" && !standalone) return stay("ALREADY_EXISTS");
      if (state === "ready") return stay();
      // One that is there has to go first.
      const before = removed(model);
      if (before.code) return before;
      return started({ ...model, standalone: true }, action.fault);
    }
    case "stop":
      if (state === "none") return stay("NOT_FOUND");
      if (state === "removing") return removed(model);
      if (!uncleaned(model) || !model.broken) return to("stopped");
      return to("stopping", "ABORTED");
    case "shutdown":
      return state === "none" ? stay("NOT_FOUND") : removed(model);
    case "release":
      return standalone && state !== "none" ? removed(model) : stay();
    case "crash":
      if (state !== "ready") return stay();
      return to(model.broken ? "stopping" : "stopped");
    case "retry":
    case "restart":
      if (model.broken) return stay();
      if (state === "stopping") return to("stopped");
      return state === "removing" ? to("none") : stay();
  }
}

/** True where a cleanup has something to do. */
function uncleaned({ state }: Model): boolean {
  return state === "ready" || state === "stopping" || state === "removing";
}

function removed(model: Model): Outcome {
  if (uncleaned(model) && model.broken) return { next: { ...model, state: "removing" }, code: "ABORTED" };
  return { next: { ...model, state: "none" } };
}

function started(model: Model, fault: StartFault | undefined): Outcome {
  if (!fault) return { next: { ...model, state: "ready" } };
  const broken = model.broken || fault.breaks !== undefined;
  return { next: { ...model, state: broken ? "removing" : "none", broken }, code: "INTERNAL" };
}
