import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxRecord } from "./record.ts";

/**
 * Checks that a sandbox runs and has a machine of its own.
 *
 * @param what is to be done, for messages: `resize`
 * @throws FAILED_PRECONDITION, UNIMPLEMENTED
 */
export function checkMachine(id: string, { state, onHost }: SandboxRecord, what: string): void {
  if (state !== "ready") {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot ${what} sandbox ${id}: its state is ${state}`);
  }
  if (onHost) {
    throw new KuasarError("UNIMPLEMENTED", `Cannot ${what} sandbox ${id}: it has no machine of its own`);
  }
}
