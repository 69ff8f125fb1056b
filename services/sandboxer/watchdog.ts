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

/** Who is asked of a sandbox. */
interface Witness {
  /** In the reason of an end. */
  name: string;
  /** Why it has not answered; undefined where it has, whatever it says. */
  silence(
    context: Context,
    sandbox: Sandbox,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** How often in a row it was silent. */
  misses: WeakMap<Sandbox, number>;
}

/**
 * Asks all guests once in a while whether they are there, and their VMMs, and ends the VMs of those that do not answer: a VMM, its
 * vsock device or an agent that hangs would keep its pod Ready for ever, of no use to anybody; a VM whose VMM alone hangs could not
 * be changed, and nobody would know. Returns how to end that.
 */
export function watchGuests(context: Context): () => Promise<void> {
  const { watchdog_ms: periodMs } = context.config;
  if (periodMs === 0) return () => Promise.resolve();
  const stop = new AbortController();
  const witnesses: readonly Witness[] = [
    { name: "guest", silence: silenceOfGuest, misses: new WeakMap() },
    { name: "VMM's control", silence: silenceOfControl, misses: new WeakMap() },
  ];
  const running = (async () => {
    while (!stop.signal.aborted) {
      await sleep(periodMs, stop.signal);
      const all = context.registry.all().filter(({ state, record }) => state === "ready" && record.guest);
      // Spread: a burst of work on all guests would be felt.
      await Promise.all(all.map(async (sandbox, index) => {
        await sleep(index * periodMs / (2 * all.length), stop.signal);
        if (stop.signal.aborted) return;
        await Promise.all(witnesses.map((witness) => look(context, sandbox, witness, stop.signal)));
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
  { name, silence: silenceOf, misses }: Witness,
  signal: AbortSignal,
): Promise<void> {
  const { log, metrics, config: { watchdog_ms: timeoutMs } } = context;
  const silence = await silenceOf(context, sandbox, timeoutMs, signal);
  if (signal.aborted || sandbox.state !== "ready") return;
  const count = silence === undefined ? 0 : (misses.get(sandbox) ?? 0) + 1;
  misses.set(sandbox, count);
  // The other one may have ended it meanwhile.
  if (count === 0 || sandbox.givenUp) return;
  const { id, record } = sandbox;
  log.warn(`A ${name} does not answer`, { sandbox: id, misses: count, of: MISSES, error: silence });
  if (count < MISSES) return;
  metrics.silent(record.driver);
  const reason = `its ${name} was silent ${MISSES} times in a row for ${formatDuration(timeoutMs)}`;
  await giveUp(context, sandbox, { reason, evidence: [`${name}: ${silence}`] }, signal);
}

async function silenceOfGuest(
  context: Context,
  sandbox: Sandbox,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await withGuest(sandbox.record.guest, timeoutMs, ({ sandbox }) => sandbox.check({ service: "" }), signal);
    return undefined;
  } catch (thrown) {
    const { code, message } = asKuasarError(thrown);
    const isSilent = code === "DEADLINE_EXCEEDED" || code === "UNAVAILABLE";
    return isSilent && !await isPaused(context, sandbox) ? message : undefined;
  }
}

/** By its driver's word alone: a driver that is away, or stands still itself, says nothing of a VMM. */
async function silenceOfControl(
  { peers }: Context,
  { id, record }: Sandbox,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const { silence } = await peers.machine(record.driver).probe({ sandboxId: id }, { timeoutMs, signal });
    return silence || undefined;
  } catch {
    return undefined;
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
