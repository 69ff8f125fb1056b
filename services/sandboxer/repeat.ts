import { KuasarError } from "../../lib/errors/mod.ts";
import { logger } from "../../lib/log/mod.ts";
import { sleep, steadyMs } from "./time.ts";

const log = logger("sandboxer");

/** How a call to a peer is repeated. */
export interface RepeatOptions {
  /** All attempts together take at most this long. */
  timeoutMs: number;
  signal?: AbortSignal;
  /** Runs before each further attempt, where the call alone may not be repeated. */
  before?: (timeoutMs: number) => Promise<void>;
}

/** Pause before the second attempt; it doubles up to a second. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 1000;
/** A restart takes less; so many losses in a row (some 6 s) have another cause, and whoever looks for it finds it in the log. */
const TOLD_LOSSES = 10;

/**
 * Makes a call to a peer, again when the peer went away during it: a restart of a service is nobody's failure.
 *
 * @param call gets the time that is left
 * @throws what `call` throws other than UNAVAILABLE; the last loss of the peer at the deadline
 */
export async function repeat<T>(
  call: (timeoutMs: number) => Promise<T>,
  { timeoutMs, signal, before }: RepeatOptions,
): Promise<T> {
  const endMs = steadyMs() + timeoutMs;
  let pauseMs = FIRST_PAUSE_MS;
  for (let losses = 0;;) {
    signal?.throwIfAborted();
    try {
      if (losses > 0) await before?.(Math.max(1, endMs - steadyMs()));
      return await call(Math.max(1, endMs - steadyMs()));
    } catch (error) {
      // The reason of an abort says more than the CANCELLED of the call that it ended.
      signal?.throwIfAborted();
      const lost = error instanceof KuasarError && error.code === "UNAVAILABLE";
      if (!lost || steadyMs() + pauseMs >= endMs) throw error;
      if (++losses === TOLD_LOSSES) {
        log.warn("A peer does not answer and is asked again", { error: error.message });
      }
    }
    await sleep(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
  }
}
