/** No pause before a repetition is longer. */
const MAX_MS = 30_000;

/** Ms before the next attempt: doubled for each, less a random half ("equal jitter"). */
export function retryDelay(firstMs: number, attempt: number, random: () => number): number {
  return Math.min(MAX_MS, firstMs * 2 ** (attempt - 1)) * (0.5 + random() / 2);
}
