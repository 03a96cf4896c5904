/** Looks again after a row was not found when it should have been due: the two clocks need not agree. */
const MAX_LATE_LOOKS = 5;
const FIRST_LATE_MS = 20;
/** More than a relay ever has in hand; what is forgotten is found by the next poll. */
const MAX_TIMES = 1_000;

/** When the rows that this relay has deferred are due again, by its own clock. */
export class RetryTimes {
  #times: number[] = [];
  #late = 0;

  add(atMs: number): void {
    if (this.#times.length < MAX_TIMES) this.#times.push(atMs);
  }

  /** The next moment at which a look is worth it; infinity when none is. */
  get next(): number {
    return this.#times.reduce((first, each) => Math.min(first, each), Number.POSITIVE_INFINITY);
  }

  /** Notes a look that began at `nowMs` and whether it found anything. */
  looked(nowMs: number, found: boolean): void {
    const before = this.#times.length;
    this.#times = this.#times.filter((each) => each > nowMs);
    if (found || this.#times.length === before) {
      if (found) this.#late = 0;
      return;
    }
    this.#late += 1;
    if (this.#late <= MAX_LATE_LOOKS) this.add(nowMs + FIRST_LATE_MS * 2 ** this.#late);
    else this.#late = 0;
  }
}
