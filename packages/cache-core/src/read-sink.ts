/** Where the answer to a read came from. `stale`: an old value was served, from the store. */
export type ReadOutcome = "memory" | "store" | "stale" | "miss";

/**
 * Told how many reads of a key had an outcome. Must be quick.
 *
 * @param key as the reader gave it, without the name of a scope
 * @param count at least 1
 */
export type ReadSink = (key: string, outcome: ReadOutcome, count: number) => void;

/** A sink that is at work. */
export interface ReadCounting {
  /** Tells, now, of every hit of the in-process tier that was not told yet: O(entries of the tier). */
  collect(): void;
  /** Ends it. Hits that were not told by then are not told any more. */
  stop(): void;
}
