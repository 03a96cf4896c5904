export interface Percentiles {
  readonly count: number;
  /** Milliseconds, like the others. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Nearest rank, exact: every one of these was measured, none is interpolated. `null` without samples. */
export function percentiles(samples: readonly number[]): Percentiles | null {
  if (samples.length === 0) return null;
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** To the microsecond; the clock is not finer. */
export function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
