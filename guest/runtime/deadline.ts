import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Waits for `work`, but not longer than `ms`.
 *
 * @param what for the message: "connect to the host"
 * @param giveUp called when the time is over, to stop the work
 * @throws KuasarError DEADLINE_EXCEEDED
 */
export async function within<T>(
  ms: number,
  what: string,
  work: Promise<T>,
  giveUp: () => void = () => {},
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new KuasarError("DEADLINE_EXCEEDED", `Cannot ${what}: not done after ${formatDuration(ms)}`));
      giveUp();
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
