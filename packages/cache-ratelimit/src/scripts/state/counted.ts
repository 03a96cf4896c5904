/** What one algorithm has counted for a subject: nothing, until `read` has found something that counts, or `take` has spent. */
export interface Counted {
  /**
   * Reads a stored body, the tag included; what is damaged or over counts as nothing.
   *
   * @param wrote when it was written, if places in the future are part of it
   * @returns whether it lay in the future, as it does after the clock was set back, and was moved to now
   */
  read(body: Buffer, wrote: number | null, now: number): boolean;
  /** The first moment, from `from` on, at which a cost up to the limit fits: never before a place that is taken already. */
  earliest(from: number, cost: number): number;
  /** Spends the cost at a moment that `earliest` allows, or past the limit as a penalty. */
  take(at: number, cost: number): void;
  /** Gives back what was spent, the newest first, and never more than there is. */
  give(cost: number): void;
  readonly spent: number;
  /** When the newest place is taken, and when nothing counts any more; `null` while nothing does. */
  readonly bounds: Bounds | null;
  /** What is left of the limit, while nothing is reserved in the future. May be below 0. */
  left(now: number): number;
  /** The bytes to be stored; empty while nothing counts. `expiry`: that of the key, in ms. */
  body(expiry: number): Buffer;
}

/** When the newest place is taken, and when nothing counts any more. */
export interface Bounds {
  readonly latest: number;
  readonly finish: number;
}
