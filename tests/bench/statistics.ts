/** The value below which the share `p` of the samples lies, by nearest rank. NaN for no samples. */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) return NaN;
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length, Math.max(1, Math.ceil(p * sorted.length))) - 1]!;
}

/**
 * What one more of `x` costs: the median of the slopes between all pairs of points (Theil and Sen), which a few points
 * that are off do not move. NaN for fewer than two points.
 */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x1, y1], i) =>
    points.slice(i + 1).filter(([x2]) => x2 !== x1).map(([x2, y2]) => (y2 - y1) / (x2 - x1))
  );
  return percentile(slopes, 0.5);
}

/** Runs `work` and returns what it returned with its wall time in ms. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const begin = performance.now();
  const result = await work();
  return { result, ms: performance.now() - begin };
}
