import { asKuasarError } from "../../lib/errors/mod.ts";
import type { Context } from "./context.ts";
import { withGuest } from "./guest.ts";
import type { Sandbox } from "./sandbox.ts";
import { sleep } from "./time.ts";

/** Differences below this are left alone: the way to the guest and back is not known better. */
const TOLERATED_NS = 10_000_000n;

/** A guest that does not answer by then is asked again next time. */
const TIMEOUT_MS = 2_000;

/** Sets the clocks of all guests once in a while; returns how to end that. */
export function keepClocks(context: Context): () => Promise<void> {
  const clockSyncMs = context.config.clock_sync_ms;
  if (clockSyncMs === 0) return () => Promise.resolve();
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      await sleep(clockSyncMs, stop.signal);
      // One after the other: this is never urgent, and a burst of work on all guests would be felt.
      for (const sandbox of context.registry.all()) {
        if (stop.signal.aborted) return;
        await syncClock(context, sandbox, stop.signal);
      }
    }
  })();
  return async () => {
    stop.abort();
    await running;
  };
}

/**
 * Compares the clock of a guest with the host's in the manner of PTP and corrects it where it is more than 10 ms off,
 * by Kuasar's protocol.
 */
export async function syncClock({ log }: Context, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id, record } = sandbox;
  if (record.state !== "ready" || !record.guest) return;
  try {
    await withGuest(record.guest, TIMEOUT_MS, async ({ sandbox: agent }) => {
      const asked = await agent.syncClock(packet(nowNs(), 0n));
      const delta = clockDelta({ ...asked, ServerArriveTime: nowNs() });
      if (delta < TOLERATED_NS && delta > -TOLERATED_NS) return;
      await agent.syncClock(packet(nowNs(), delta));
      log.debug("Corrected a guest's clock", { sandbox: id, ms: Number(delta / 1_000_000n) });
    }, signal);
  } catch (error) {
    if (!signal.aborted) log.debug("Cannot compare clocks", { sandbox: id, error: asKuasarError(error) });
  }
}

/** Times of a comparison in ns: sent and received by the host, received and answered by the guest. */
interface ClockTimes {
  ClientSendTime: bigint;
  ClientArriveTime: bigint;
  ServerSendTime: bigint;
  ServerArriveTime: bigint;
}

/** What must be added to the guest's clock, on the assumption that both ways take equally long. */
export function clockDelta(times: ClockTimes): bigint {
  const out = times.ClientSendTime - times.ClientArriveTime;
  const back = times.ServerArriveTime - times.ServerSendTime;
  return (out + back) / 2n;
}

function packet(ClientSendTime: bigint, Delta: bigint) {
  return { ClientSendTime, ClientArriveTime: 0n, ServerSendTime: 0n, ServerArriveTime: 0n, Delta };
}

/** The wall clock, not the steady one: it is the wall clock that guests follow. */
function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
