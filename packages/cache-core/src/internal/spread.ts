/** A duration shortened by a random share of at most `jitter`, in whole ms. */
export function spread(ms: number, jitter: number, random: () => number): number {
  return jitter === 0 ? ms : Math.max(1, Math.round(ms * (1 - jitter * random())));
}
