import { asKuasarError, formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import type { ControllerStartResponse } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { startCancelled } from "./abort_start.ts";
import type { Context } from "./context.ts";
import { memoryKill } from "./memory_kill.ts";
import { removeLocked } from "./remove.ts";
import type { Sandbox } from "./sandbox.ts";
import { startParts } from "./start_parts.ts";
import { TASK_VERSION, taskAddress } from "./task_address.ts";
import { toTimestamp } from "./time.ts";
import { Timeline } from "./timeline.ts";

/** The caller's side of a start. */
export interface StartCall {
  /** Aborted when the caller has given up. */
  cancelled: AbortSignal;
  /** When the caller gives up. */
  deadline?: Date | undefined;
}

/**
 * Starts a created sandbox.
 *
 * containerd calls nothing after a failed start, so a failure undoes everything by itself, forgets the sandbox
 * and only then answers.
 *
 * @throws NOT_FOUND; FAILED_PRECONDITION for one that is started already; DEADLINE_EXCEEDED, CANCELLED, or what a step
 *   failed with
 */
export async function startSandbox(
  context: Context,
  id: string,
  call: StartCall,
): Promise<ControllerStartResponse> {
  const sandbox = context.registry.get(id);
  return await context.locks.run(id, async () => {
    // It may have been removed while this call waited for its turn, and another made.
    context.registry.mustHold(sandbox);
    sandbox.move("starting", { cleaned: false });
    const abort = new AbortController();
    const timeline = new Timeline();
    const stopTimer = abortAtDeadline(
      abort,
      sandbox,
      timeline,
      context.config.timeouts.start_ms,
      call.deadline,
    );
    const giveUp = () => abort.abort(startCancelled(id, "the caller has given up"));
    sandbox.startAbort = abort;
    if (call.cancelled.aborted) giveUp();
    call.cancelled.addEventListener("abort", giveUp, { once: true });
    try {
      await timeline.phase("start", () => startParts(context, sandbox, timeline, abort.signal));
      abort.signal.throwIfAborted();
      checkAlive(sandbox);
      sandbox.move("ready", { phases: timeline.phases });
    } catch (error) {
      throw await undoStart(context, sandbox, timeline, error);
    } finally {
      stopTimer();
      call.cancelled.removeEventListener("abort", giveUp);
      sandbox.startAbort = undefined;
    }
    const { record } = sandbox;
    context.metrics.started(record.driver, "ok", timeline.phases);
    context.log.info("Ready", { sandbox: id, pid: record.pid, ms: totalMs(timeline) });
    return {
      sandboxId: id,
      pid: record.pid,
      createdAt: toTimestamp(record.createdAtMs),
      // containerd 2.3 and later replaces its own labels by these.
      labels: record.labels,
      address: taskAddress(context.runDir),
      version: TASK_VERSION,
      spec: undefined,
    };
  });
}

async function undoStart(context: Context, sandbox: Sandbox, timeline: Timeline, thrown: unknown) {
  const { id } = sandbox;
  const error = withMemoryKill(context, sandbox, asKuasarError(thrown, `Cannot start sandbox ${id}`));
  context.log.error("Start failed", { sandbox: id, code: error.code, error, evidence: error.evidence });
  context.metrics.started(sandbox.record.driver, error.code, timeline.phases);
  sandbox.watchAbort?.abort();
  sandbox.move("removing", { phases: timeline.phases, reason: error.message, evidence: [...error.evidence] });
  sandbox.noteExit({ status: 255, atMs: Date.now() });
  // What is left over is logged, and the janitor's; the caller is told why the start failed.
  await removeLocked(context, sandbox).catch(() => {});
  return error;
}

/** The memory controller says more of an end than the exit status that it leaves. */
function withMemoryKill(context: Context, { id, record }: Sandbox, error: KuasarError): KuasarError {
  const kill = memoryKill(context, record);
  if (kill === undefined) return error;
  return new KuasarError("RESOURCE_EXHAUSTED", `Cannot start sandbox ${id}: ${kill}`, {
    cause: error,
    evidence: [error.message, ...error.evidence],
  });
}

/** @throws INTERNAL where the VM has ended since its driver said that it runs */
function checkAlive({ id, record }: Sandbox): void {
  if (!record.exit) return;
  throw new KuasarError(
    "INTERNAL",
    `Cannot start sandbox ${id}: its VM ended with status ${record.exit.status}`,
    { evidence: record.evidence },
  );
}

/** Ends a start at the configured limit, or when the caller gives up where that is sooner. @returns ends the timer */
function abortAtDeadline(
  abort: AbortController,
  { id, record }: Sandbox,
  timeline: Timeline,
  limitMs: number,
  deadline?: Date,
): () => void {
  const ms = Math.min(limitMs, deadline ? deadline.getTime() - Date.now() : Infinity);
  const timer = setTimeout(() => {
    const parts = timeline.waitingFor.map((phase) =>
      phase === "start" || phase === "start/driver" ? `driver ${record.driver}` : phase.replace("start/", "")
    );
    abort.abort(
      new KuasarError(
        "DEADLINE_EXCEEDED",
        `Cannot start sandbox ${id} within ${formatDuration(ms)}: still waiting for ${parts.join(" and ")}`,
      ),
    );
  }, Math.max(0, ms));
  return () => clearTimeout(timer);
}

function totalMs(timeline: Timeline): number {
  const whole = timeline.phases.find(({ name }) => name === "start");
  return whole ? Math.round(whole.endMs - whole.beginMs) : 0;
}
