import type { LastWords } from "../contract/vm/control.ts";
import { lastLines } from "../contract/tail.ts";

/** It is the last line, but for what a signal handler may add. */
const LINES = 3;

/**
 * What the VMM's log says of its end. A VMM that this process did not start has no status that could be read; the guest's
 * reset, by which it powers itself off, makes the VMM exit with 0.
 *
 * @param log the end of it
 */
export function wordsOfLog(log: Uint8Array): LastWords | undefined {
  const ended = lastLines(log, LINES).some((line) =>
    /\bFirecracker exiting successfully\. exit_code=0$/.test(line)
  );
  return ended ? { reason: "guest-reset", crashed: false } : undefined;
}
