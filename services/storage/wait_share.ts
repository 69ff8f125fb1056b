import { KuasarError } from "../../lib/errors/mod.ts";
import { type WaitShareResponse } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { type Environment } from "./environment.ts";
import { sandboxPaths } from "./paths.ts";
import { logTail } from "./virtiofsd.ts";

/** So many of the last lines of a daemon's log are told. */
const EVIDENCE_LINES = 8;

/**
 * Waits for the end of a share's daemon.
 *
 * @param cancelled when the caller has given up
 * @throws NOT_FOUND for a sandbox without a share, CANCELLED
 */
export async function waitShare(
  { state, watcher, runDir }: Environment,
  sandboxId: string,
  cancelled: AbortSignal,
): Promise<WaitShareResponse> {
  const record = state.shares.get(sandboxId);
  if (!record) throw new KuasarError("NOT_FOUND", `Cannot wait for the share of ${sandboxId}: it has none`);
  if (!record.daemon) return { ended: false, failure: "", evidence: [] };
  const { exitStatus } = await watcher.watch(record.daemon, cancelled).catch((error: unknown) => {
    if (!cancelled.aborted) throw error;
    throw new KuasarError("CANCELLED", `Cannot wait for the share of ${sandboxId}: the caller has given up`);
  });
  const { log } = sandboxPaths(runDir, sandboxId);
  const evidence = logTail(log).split("\n").filter(Boolean).slice(-EVIDENCE_LINES);
  return { ended: true, failure: failureOf(exitStatus), evidence };
}

/** What a wait status (wait(2)) says of a failure; nothing where it is unknown or there was none. */
function failureOf(status: number | undefined): string {
  if (status === undefined || status === 0) return "";
  const signal = status & 0x7f;
  return signal === 0 ? `code ${(status >> 8) & 0xff}` : `signal ${signal}`;
}
