/** Longest time that a timer can take, about 24.8 days; a longer one is no limit at all. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Calls `run` in `ms` milliseconds; returns a way to call it off. Times beyond a timer's range never end. */
export function after(ms: number, run: () => void): () => void {
  if (ms > MAX_TIMER_MS) return () => {};
  const timer = setTimeout(run, Math.max(0, ms));
  return () => clearTimeout(timer);
}
