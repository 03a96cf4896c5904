import type { Clock } from "@crm/cache-core";
import type { LockPlace } from "./lock-place.ts";

/** So many are remembered; the others end with their leases. */
const MAX_KEPT = 10_000;
const RETRY_EVERY_MS = 100;
/** A place in a queue may stand so long without a sign of life, however short the lease would be. */
const MIN_AGE_MS = 60_000;
/** Nothing granted stands longer than its lease, and nobody renews it: after so long there is nothing to give back. */
const MAX_AGE_MS = 86_400_000;

interface Kept {
  readonly place: LockPlace;
  readonly until: number;
  answers: number;
}

/**
 * Tokens that may stand in the store although nobody uses them: the call that took them, or the one that gave them
 * back, was not answered. Each is given back as soon as the store answers, so that nobody waits for it.
 */
export class GiveBacks {
  readonly #giveBack: (place: LockPlace, token: string) => Promise<boolean>;
  readonly #isAvailable: () => boolean;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(
    giveBack: (place: LockPlace, token: string) => Promise<boolean>,
    isAvailable: () => boolean,
    clock: Clock,
  ) {
    this.#giveBack = giveBack;
    this.#isAvailable = isAvailable;
    this.#clock = clock;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** `forMs`: the lease, which nobody renews. */
  add(place: LockPlace, token: string, forMs: number): void {
    if (this.#closed || this.#kept.size >= MAX_KEPT) return;
    const until = this.#clock.monotonic() + Math.min(Math.max(forMs, MIN_AGE_MS), MAX_AGE_MS);
    this.#kept.set(token, { place, until, answers: 0 });
    this.#schedule();
  }

  /** Also called when the store answers again, without waiting for the timer. */
  retry(): void {
    for (const [token, kept] of this.#kept) {
      if (this.#clock.monotonic() > kept.until) {
        this.#kept.delete(token);
        continue;
      }
      this.#giveBack(kept.place, token).then(
        (stood) => {
          // The call that takes it may still be on its way: ask once more.
          if (stood || ++kept.answers === 2) this.#kept.delete(token);
        },
        () => {
          // Still away.
        },
      );
    }
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel ??= this.#clock.after(RETRY_EVERY_MS, () => {
      this.#cancel = undefined;
      if (this.#isAvailable()) this.retry();
      if (this.#kept.size > 0 && !this.#closed) this.#schedule();
    });
  }
}
