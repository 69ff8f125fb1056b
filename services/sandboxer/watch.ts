import { asKuasarError } from "../../lib/errors/mod.ts";
import type { WaitResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Context } from "./context.ts";
import { memoryKill } from "./memory_kill.ts";
import { finishInBackground } from "./finish.ts";
import type { Sandbox } from "./sandbox.ts";
import { fromTimestamp, sleep } from "./time.ts";
import { watchShare } from "./watch_share.ts";

/** Pause before a wait that failed is repeated; it doubles up to a second. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;

/** Exit status of a sandbox whose end nobody saw. */
const UNKNOWN_EXIT = 255;

/**
 * Waits in the background for the end of a sandbox, across restarts of its driver. When it ends by itself, its
 * waiters are answered at once and what is left of it is cleaned.
 */
export function watchExit(context: Context, sandbox: Sandbox): void {
  sandbox.watchAbort?.abort();
  const abort = new AbortController();
  sandbox.watchAbort = abort;
  void waitForExit(context, sandbox, abort.signal).then((exit) => {
    if (exit) onExit(context, sandbox, exit);
  });
  // Without a kernel of its own a sandbox has no share.
  if (!sandbox.record.onHost) void watchShare(context, sandbox, abort.signal);
}

async function waitForExit(
  { peers, log }: Context,
  { id, record }: Sandbox,
  signal: AbortSignal,
): Promise<WaitResponse | undefined> {
  const driver = peers.driver(record.driver);
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      return await driver.wait({ sandboxId: id }, { timeoutMs: Infinity, signal });
    } catch (thrown) {
      const error = asKuasarError(thrown);
      if (signal.aborted) return undefined;
      // The driver is back and does not know it: nobody saw how it ended.
      if (error.code === "NOT_FOUND") return { exitStatus: UNKNOWN_EXIT, exitedAt: undefined, evidence: [] };
      log.debug("Wait is repeated", { sandbox: id, code: error.code, error });
    }
    await sleep(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
  return undefined;
}

function onExit(context: Context, sandbox: Sandbox, exit: WaitResponse): void {
  const byItself = sandbox.state === "ready";
  // Before the waiters are answered: containerd asks for the status right after.
  if (byItself) {
    const { givenUp } = sandbox;
    const reason = memoryKill(context, sandbox.record) ?? givenUp?.reason ??
      `the ${sandbox.record.onHost ? "sandbox" : "VM"} ended by itself with status ${exit.exitStatus}`;
    const evidence = [...givenUp?.evidence ?? [], ...exit.evidence];
    sandbox.move("stopping", { reason, evidence });
    context.metrics.died(sandbox.record.driver);
    context.log.error("A sandbox has died", { sandbox: sandbox.id, reason, evidence });
  } else if (sandbox.state === "starting") {
    sandbox.update({ evidence: exit.evidence });
  }
  sandbox.noteExit({ status: exit.exitStatus, atMs: fromTimestamp(exit.exitedAt) || Date.now() });
  if (byItself) void finishInBackground(context, sandbox);
}
