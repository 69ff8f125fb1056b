import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";

/**
 * Answers as `promise` does, or fails when `timeoutMs` have passed. What goes on behind `promise` is not
 * stopped; the caller does that where it matters.
 *
 * @param what completes "Cannot ...", as in "connect to QMP"
 * @throws {KuasarError} DEADLINE_EXCEEDED
 */
export async function withDeadline<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new KuasarError(
            "DEADLINE_EXCEEDED",
            `Cannot ${what}: no answer within ${formatDuration(timeoutMs)}`,
          ),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
    // The loser of the race must not become an unhandled rejection.
    promise.catch(() => {});
  }
}

/** True where `promise` settled within `timeoutMs`, in whatever way; false where the time ran out. */
export async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expired = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true, () => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}
