import { asKuasarError } from "../../lib/errors/mod.ts";
import type { WaitShareResponse } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Context } from "./context.ts";
import { giveUp } from "./give_up.ts";
import type { Sandbox } from "./sandbox.ts";
import { sleep } from "./time.ts";

/** Pause before a wait that failed is repeated; it doubles up to a second. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;

/** What serves a share ends with its VMM, and may be noticed first; only a VM that goes on after it has lost its files. */
const VMM_END_MS = 500;

/**
 * Ends the VM of a sandbox when what serves its files has ended: without its root file systems a guest is of no use, and
 * would hang for ever. The pod then ends as with any other death of its VM.
 */
export async function watchShare(context: Context, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const end = await waitForEnd(context, sandbox, signal);
  if (!end?.ended) return;
  if (end.failure === "") await sleep(VMM_END_MS, signal);
  if (signal.aborted || !["starting", "ready"].includes(sandbox.state)) return;
  const how = end.failure === "" ? "" : ` with ${end.failure}`;
  const reason = `the process that serves its files has ended${how}`;
  await giveUp(context, sandbox, { reason, evidence: end.evidence.map((line) => `share: ${line}`) }, signal);
}

async function waitForEnd(
  { peers, log }: Context,
  { id }: Sandbox,
  signal: AbortSignal,
): Promise<WaitShareResponse | undefined> {
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      return await peers.storage.waitShare({ sandboxId: id }, { timeoutMs: Infinity, signal });
    } catch (thrown) {
      const error = asKuasarError(thrown);
      if (signal.aborted || error.code === "NOT_FOUND") return undefined;
      log.debug("WaitShare is repeated", { sandbox: id, code: error.code, error });
    }
    await sleep(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
  return undefined;
}
