import { asKuasarError, formatDuration } from "../../lib/errors/mod.ts";
import { SandboxState as DriverState } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Context } from "./context.ts";
import { giveUp } from "./give_up.ts";
import { withGuest } from "./guest.ts";
import type { Sandbox } from "./sandbox.ts";
import { sleep } from "./time.ts";

/** So many times in a row a guest may be silent: one is a busy host, or a sandboxer that stood still itself. */
const MISSES = 3;

/** How long a driver may take to say whether a VM is paused. */
const STATUS_TIMEOUT_MS = 2_000;

/**
 * Asks all guests once in a while whether they are there, and ends the VMs of those that do not answer: a VMM, its vsock device
 * or an agent that hangs would keep its pod Ready for ever, of no use to anybody. Returns how to end that.
 */
export function watchGuests(context: Context): () => Promise<void> {
  const { watchdog_ms: periodMs } = context.config;
  if (periodMs === 0) return () => Promise.resolve();
  const stop = new AbortController();
  const misses = new WeakMap<Sandbox, number>();
  const running = (async () => {
    while (!stop.signal.aborted) {
      await sleep(periodMs, stop.signal);
      const all = context.registry.all().filter(({ state, record }) => state === "ready" && record.guest);
      // Spread: a burst of work on all guests would be felt.
      await Promise.all(all.map(async (sandbox, index) => {
        await sleep(index * periodMs / (2 * all.length), stop.signal);
        if (!stop.signal.aborted) await look(context, sandbox, misses, stop.signal);
      }));
    }
  })();
  return async () => {
    stop.abort();
    await running;
  };
}

async function look(
  context: Context,
  sandbox: Sandbox,
  misses: WeakMap<Sandbox, number>,
  signal: AbortSignal,
): Promise<void> {
  const { log, metrics, config: { watchdog_ms: timeoutMs } } = context;
  const silence = await silenceOf(sandbox, timeoutMs, signal);
  if (signal.aborted || sandbox.state !== "ready") return;
  const count = silence === undefined || await isPaused(context, sandbox)
    ? 0
    : (misses.get(sandbox) ?? 0) + 1;
  misses.set(sandbox, count);
  if (count === 0 || signal.aborted || sandbox.state !== "ready") return;
  const { id, record } = sandbox;
  log.warn("A guest does not answer", { sandbox: id, misses: count, of: MISSES, error: silence });
  if (count < MISSES) return;
  metrics.silent(record.driver);
  const reason = `its guest was silent ${MISSES} times in a row for ${formatDuration(timeoutMs)}`;
  await giveUp(context, sandbox, { reason, evidence: [`guest: ${silence}`] }, signal);
}

/** Why a guest has not answered; undefined where it has, whatever it says. */
async function silenceOf(
  { record }: Sandbox,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await withGuest(record.guest, timeoutMs, ({ sandbox }) => sandbox.check({ service: "" }), signal);
    return undefined;
  } catch (thrown) {
    const { code, message } = asKuasarError(thrown);
    return code === "DEADLINE_EXCEEDED" || code === "UNAVAILABLE" ? message : undefined;
  }
}

/** A VM that is written into a snapshot, or that somebody has paused, may be silent. */
async function isPaused({ peers }: Context, { id, record }: Sandbox): Promise<boolean> {
  try {
    const options = { timeoutMs: STATUS_TIMEOUT_MS };
    return (await peers.driver(record.driver).status({ sandboxId: id }, options)).state ===
      DriverState.PAUSED;
  } catch {
    return false;
  }
}
