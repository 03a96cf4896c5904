/** So many keys in a row that were not there, and the next is not expected to be. */
const STREAK = 32;

/**
 * Whether to look for an entry before its lease is asked for. Who takes a lease is told of a fresh entry, too, for more of the
 * server's time; so while nothing is ever found, as in a cold cache, the look is a round trip for nothing.
 */
export class Lookups {
  #missing = 0;

  get arePointless(): boolean {
    return this.#missing >= STREAK;
  }

  note(found: boolean): void {
    this.#missing = found ? 0 : this.#missing + 1;
  }
}
