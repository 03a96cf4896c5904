import type { ParsedEntry } from "../entry.ts";

/**
 * Whether a fresh entry is to be refreshed ahead of its time: the nearer the end and the dearer the fetch, the likelier.
 * XFetch (Vattani, Chierichetti, Lowenstein: "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
 */
export function isDueEarly(
  entry: ParsedEntry,
  now: number,
  earlyRefresh: number,
  random: () => number,
): boolean {
  if (earlyRefresh === 0) return false;
  return now - Math.max(1, entry.costMs) * earlyRefresh * Math.log(1 - random()) >= entry.freshUntil;
}
