import { KuasarError } from "../../lib/errors/mod.ts";
import type { Sandbox } from "./sandbox.ts";

/** Ends a start that is under way, if there is one; it then undoes itself and forgets the sandbox. */
export function abortStart(sandbox: Sandbox, why: string): void {
  sandbox.startAbort?.abort(startCancelled(sandbox.id, why));
}

/** The error of a start that somebody ended. */
export function startCancelled(id: string, why: string): KuasarError {
  return new KuasarError("CANCELLED", `Cannot start sandbox ${id}: ${why}`);
}
