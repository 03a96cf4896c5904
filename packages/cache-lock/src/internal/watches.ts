import type { Clock } from "@crm/cache-core";
import type { Aftermath } from "./lock-calls.ts";
import type { LockPlace } from "./lock-place.ts";

/**
 * Looks after the grants that calls of this process have caused: whether the other processes claimed them. One timer a
 * lock; while grants follow one another it is not set anew, so that a busy lock costs a few looks a second.
 */
export class Watches {
  readonly #look: (place: LockPlace) => Promise<Aftermath>;
  readonly #clock: Clock;
  readonly #timers = new Map<string, () => void>();
  #closed = false;

  constructor(look: (place: LockPlace) => Promise<Aftermath>, clock: Clock) {
    this.#look = look;
    this.#clock = clock;
  }

  get size(): number {
    return this.#timers.size;
  }

  add(place: LockPlace, afterMs: number): void {
    const [key] = place.keys;
    if (this.#closed || afterMs < 0 || this.#timers.has(key)) return;
    const cancel = this.#clock.after(afterMs, () => {
      this.#timers.delete(key);
      this.#look(place).then(
        ({ watchMs }) => this.add(place, watchMs),
        () => {
          // Those who wait look themselves, once a second.
        },
      );
    });
    this.#timers.set(key, cancel);
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}
