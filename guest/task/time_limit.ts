import * as sys from "../native/sys.js";

const NS_PER_MS = 1_000_000n;
/** Clock ticks of /proc/<pid>/stat in a second (USER_HZ), the same on every architecture. */
const NS_PER_TICK = 10_000_000n;

/**
 * Ends a process when its time is over.
 *
 * @param limitMs 0 for no limit
 * @param startTime of the process in ticks since boot, where it has run for a while; empty for one that starts now
 * @returns what ends the watch
 */
export function limitTime(limitMs: number, startTime: string, end: () => void): () => void {
  if (limitMs === 0) return () => {};
  const timer = setTimeout(end, Math.max(0, limitMs - ageMs(startTime)));
  return () => clearTimeout(timer);
}

function ageMs(startTime: string): number {
  if (startTime === "") return 0;
  const age = sys.clockGettime(sys.CLOCK.BOOTTIME) - BigInt(startTime) * NS_PER_TICK;
  return Number(age / NS_PER_MS);
}
