import { asKuasarError } from "../../lib/errors/mod.ts";
import { abortStart } from "./abort_start.ts";
import { cleanSandbox } from "./cleanup_steps.ts";
import type { Context } from "./context.ts";
import { withGuest } from "./guest.ts";
import { removeLocked } from "./remove.ts";
import { repeat } from "./repeat.ts";
import type { Sandbox } from "./sandbox.ts";
import { Timeline } from "./timeline.ts";

/** A guest that does not even answer within this time is not asked again. */
const POWER_OFF_TIMEOUT_MS = 2_000;

/** After the driver's Stop the exit is known at once; this is only for a driver that restarts just then. */
const EXIT_TIMEOUT_MS = 2_000;

/** Exit status of a sandbox that was ended by force and whose driver could not tell how. */
const KILLED = 137;

/**
 * Stops a sandbox: the guest syncs and powers off, what does not end in time is ended by force, then network and
 * storage are taken away. Its containers end with it.
 *
 * @param timeoutSecs time for the guest; 0 takes the configured one
 * @throws NOT_FOUND, or ABORTED when something is left over: the call may be repeated
 */
export async function stopSandbox(context: Context, id: string, timeoutSecs = 0): Promise<void> {
  const sandbox = context.registry.get(id);
  abortStart(sandbox, "it is being stopped");
  await context.locks.run(id, async () => {
    // An aborted start has removed it by now, or could not.
    if (!context.registry.holds(sandbox)) return;
    if (sandbox.state === "removing") return await removeLocked(context, sandbox);
    await stopLocked(context, sandbox, timeoutSecs * 1000);
  });
}

/** As {@link stopSandbox}, for a caller that holds the sandbox's lock. */
export async function stopLocked(context: Context, sandbox: Sandbox, graceMs = 0): Promise<void> {
  await endLocked(context, sandbox, graceMs);
  await cleanSandbox(context, sandbox);
  sandbox.watchAbort?.abort();
  sandbox.noteExit({ status: KILLED, atMs: Date.now() });
  if (sandbox.state !== "stopping") return;
  sandbox.move("stopped");
  context.log.info("Stopped", { sandbox: sandbox.id, status: sandbox.record.exit?.status });
}

/** Ends what runs of a sandbox, and cleans nothing. The caller holds its lock. */
export async function endLocked(context: Context, sandbox: Sandbox, graceMs = 0): Promise<void> {
  const { state } = sandbox;
  if (state === "created") {
    sandbox.move("stopping");
    sandbox.noteExit({ status: 0, atMs: Date.now() });
  } else if (state === "ready" || (state === "stopping" && !sandbox.record.exit)) {
    // A stop that was interrupted is begun again, so that a guest that still runs can sync.
    if (state === "ready") sandbox.move("stopping");
    const timeline = new Timeline();
    await timeline.phase(
      "stop",
      () => endVm(context, sandbox, graceMs || context.config.timeouts.stop_grace_ms, timeline),
    );
    sandbox.update({ phases: [...sandbox.record.phases, ...timeline.phases] });
    context.metrics.phases(sandbox.record.driver, timeline.phases);
  }
}

async function endVm(context: Context, sandbox: Sandbox, graceMs: number, timeline: Timeline): Promise<void> {
  const { peers, config, log } = context;
  const { id, record } = sandbox;
  const asked = await timeline.phase("stop/guest", () => powerOff(context, sandbox, graceMs));
  const request = { sandboxId: id, graceMs: asked ? graceMs : 0 };
  try {
    await timeline.phase(
      "stop/driver",
      () =>
        repeat((timeoutMs) => peers.driver(record.driver).stop(request, { timeoutMs }), {
          timeoutMs: request.graceMs + config.timeouts.peer_ms,
        }),
    );
    await exitOf(sandbox);
  } catch (error) {
    // Not the end: the cleanup that follows ends the VM by force, and says so where it cannot.
    log.warn("The driver could not stop a sandbox", { sandbox: id, error: asKuasarError(error) });
  }
}

/** Asks the guest to sync its file systems and to power off. False where it cannot be asked. */
async function powerOff({ log }: Context, { id, record }: Sandbox, graceMs: number): Promise<boolean> {
  if (!record.guest) return true;
  try {
    const timeoutMs = Math.min(graceMs, POWER_OFF_TIMEOUT_MS);
    await withGuest(record.guest, timeoutMs, ({ guest }) => guest.powerOff({}));
    return true;
  } catch (thrown) {
    const error = asKuasarError(thrown);
    // The guest may be gone before its answer has left.
    if (error.code === "UNAVAILABLE") return true;
    log.warn("The guest could not be asked to power off", { sandbox: id, error });
    return false;
  }
}

/** Waits until the watch has noted the exit, so that `Wait` tells the true status. */
function exitOf(sandbox: Sandbox): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, EXIT_TIMEOUT_MS);
    const forget = sandbox.onExit(done);
    function done() {
      clearTimeout(timer);
      // `forget` is not there yet where the exit was known before.
      queueMicrotask(() => forget());
      resolve();
    }
  });
}
