import type { Clock } from "../clock.ts";

/** Sources are left alone for so many keys at most. */
const MAX_KEYS = 10_000;

/** Keys whose source failed a moment ago, and is left alone for a while. */
export class SourceThrottle {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Leaves the source of a key alone for `ms`. */
  add(full: string, ms: number): void {
    if (this.#until.size >= MAX_KEYS) this.#until.clear();
    this.#until.set(full, this.#clock.monotonic() + ms);
  }

  has(full: string): boolean {
    const until = this.#until.get(full);
    if (until === undefined) return false;
    if (this.#clock.monotonic() < until) return true;
    this.#until.delete(full);
    return false;
  }
}
