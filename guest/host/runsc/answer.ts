import { KuasarError } from "../../../lib/errors/mod.ts";
import { codeOf } from "../../task/runtime_reason.ts";

/** This runsc has no such control call; its command line has to do. */
export class UnknownCall extends Error {}

/**
 * Reads the answer of a sandbox to a control call.
 *
 * @param text what has come so far
 * @returns undefined while it is not whole
 * @throws UnknownCall; KuasarError NOT_FOUND where the sandbox knows no such container or process, else INTERNAL
 */
export function parseAnswer(text: string): { result: unknown } | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof answer !== "object" || answer === null) {
    throw new KuasarError("INTERNAL", "Cannot understand the sandbox: its answer is no object");
  }
  const { success, err, result } = answer as { success?: unknown; err?: unknown; result?: unknown };
  if (success === true) return { result };
  const reason = typeof err === "string" ? err.slice(0, 500) : "no reason told";
  if (reason === "unknown method") throw new UnknownCall(reason);
  throw new KuasarError(codeOf(reason), `the sandbox says: ${reason}`);
}

/**
 * The exit status in a wait status (wait(2)).
 *
 * @returns exit code, or 128 + signal
 * @throws KuasarError INTERNAL for anything else: whoever waits asks again
 */
export function exitOfWaitStatus(status: unknown): number {
  if (typeof status !== "number" || !Number.isInteger(status)) {
    throw new KuasarError("INTERNAL", "Cannot understand the sandbox: a wait status must be a whole number");
  }
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

/** What `runsc wait` prints: `{"id":"c1","exitStatus":5}`. @throws KuasarError INTERNAL where it prints something else */
export function exitOfWaitOutput(text: string): number {
  try {
    const { exitStatus } = JSON.parse(text) as { exitStatus?: unknown };
    if (typeof exitStatus === "number" && Number.isInteger(exitStatus)) return exitStatus & 0xff;
  } catch {
    // See below.
  }
  throw new KuasarError("INTERNAL", `Cannot understand runsc wait: ${JSON.stringify(text.slice(0, 200))}`);
}
