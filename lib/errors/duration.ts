const STEPS = [
  { unit: "s", ms: 1_000, until: 120_000 },
  { unit: "min", ms: 60_000, until: 7_200_000 },
  { unit: "h", ms: 3_600_000, until: Infinity },
] as const;

/**
 * A duration as a message tells it: `250 ms`, `1.5 s`, `30 s`, `10 min`, `480 h`. What a clock measured has digits that nobody
 * reads, so there is one decimal at most.
 *
 * @param ms as measured or configured; milliseconds are rounded
 */
export function formatDuration(ms: number): string {
  if (!(ms >= 999.5)) return `${Math.max(0, Math.round(ms || 0))} ms`;
  const step = STEPS.find(({ until }) => ms < until) ?? STEPS[STEPS.length - 1]!;
  return `${Math.round((10 * ms) / step.ms) / 10} ${step.unit}`;
}
