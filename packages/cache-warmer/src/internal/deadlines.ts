import { type Clock, FetchTimeoutError } from "@crm/cache-core";

interface Followed {
  readonly key: string;
  readonly ms: number;
  /** On the monotonic clock. */
  readonly dueAt: number;
  readonly fail: (error: unknown) => void;
  /** Its place in the list; -1 when it has ended. */
  at: number;
}

/** As `inTime` for many at once: one timer for all that is under way, and no promise for each. */
export class Deadlines {
  readonly #clock: Clock;
  /** In no order. A list, since a set that is added to and deleted from makes itself anew again and again. */
  readonly #followed: Followed[] = [];
  #wakeAt = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls `done` or `fail`, once: with what `work` ends with, or with `FetchTimeoutError` when it takes longer than `ms` from now. What
   * it ends with later interests nobody.
   */
  follow<T>(
    work: Promise<T>,
    key: string,
    ms: number,
    done: (value: T) => void,
    fail: (error: unknown) => void,
  ): void {
    const each: Followed = { key, ms, dueAt: this.#clock.monotonic() + ms, fail, at: this.#followed.length };
    this.#followed.push(each);
    if (each.dueAt < this.#wakeAt) this.#wakeUpAt(each.dueAt);
    work.then(
      (value) => {
        if (this.#forget(each)) done(value);
      },
      (error: unknown) => {
        if (this.#forget(each)) fail(error);
      },
    );
  }

  /** Nothing more comes: the timer goes with the last that is still under way. */
  close(): void {
    this.#closed = true;
    this.#rest();
  }

  #forget(each: Followed): boolean {
    if (each.at < 0) return false;
    const last = this.#followed.pop() as Followed;
    if (last !== each) {
      this.#followed[each.at] = last;
      last.at = each.at;
    }
    each.at = -1;
    this.#rest();
    return true;
  }

  /** Between loads the timer stays, since the next one would need it again. */
  #rest(): void {
    if (this.#closed && this.#followed.length === 0) this.#cancel();
  }

  #wakeUpAt(at: number): void {
    this.#cancel();
    this.#wakeAt = at;
    this.#cancel = this.#clock.after(Math.max(1, at - this.#clock.monotonic()), () => this.#look());
  }

  #look(): void {
    const now = this.#clock.monotonic();
    this.#wakeAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const each of [...this.#followed]) {
      const { key, ms, dueAt, fail } = each;
      if (dueAt > now) next = Math.min(next, dueAt);
      else if (this.#forget(each)) fail(new FetchTimeoutError({ key, timeoutMs: ms }));
    }
    if (next < this.#wakeAt) this.#wakeUpAt(next);
  }
}
