/** How long a call may take, and the sandboxer be away meanwhile. */
export interface CallLimits {
  timeoutMs: number;
  /** @default timeoutMs */
  awayMs?: number;
}

/** Where the caller gives no time: longer than anybody configures (`timeouts.start_ms`, a driver's `boot_timeout`). */
const NO_LIMIT_MS = 4 * 3_600_000;
const AWAY_MS = 60_000;

/**
 * The limits of a call whose own limits the sandboxer knows.
 *
 * @param callerMs what our caller has given us, undefined without a limit
 */
export function configuredElsewhere(callerMs?: number): CallLimits {
  return { timeoutMs: callerMs ?? NO_LIMIT_MS, awayMs: AWAY_MS };
}
