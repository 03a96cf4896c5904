/**
 * The smallest of `values` that at least `p` percent of them do not exceed (nearest rank, so always a value that was
 * really measured). `p` is between 0 and 100; 0 is the minimum, 100 the maximum.
 */
export function percentile(values: Iterable<number>, p: number): number {
  if (!(p >= 0 && p <= 100)) throw new RangeError(`percentile() takes 0 to 100; got ${p}`);
  const sorted = Float64Array.from(values).sort();
  const value = sorted[Math.max(0, Math.ceil((p / 100) * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("percentile() of no values");
  return value;
}
