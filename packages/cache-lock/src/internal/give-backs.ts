import type { Clock } from "@crm/cache-core";
import type { LockPlace } from "./lock-place.ts";

/** So many are remembered; the others end with their leases. */
const MAX_KEPT = 10_000;
const RETRY_EVERY_MS = 100;
/** A place in a queue may stand so long without a sign of life, however short the lease would be. */
const MIN_AGE_MS = 60_000;
/** Nothing granted stands longer than its lease, and nobody renews it: after so long there is nothing to give back. */
const MAX_AGE_MS = 86_400_000;
/** So many are asked for at a time: what a long outage has left must not fill the connection that has just come back. */
const AT_ONCE = 100;

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
  #passing = false;
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

  /** Also called when the store answers again, without waiting for the timer. One pass at a time. */
  retry(): void {
    if (this.#passing) return;
    this.#passing = true;
    void this.#pass().finally(() => {
      this.#passing = false;
    });
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
    this.#cancel?.();
  }

  async #pass(): Promise<void> {
    const all = [...this.#kept];
    for (let i = 0; i < all.length; i += AT_ONCE) {
      const answered = await Promise.all(
        all.slice(i, i + AT_ONCE).map(([token, kept]) => this.#ask(token, kept)),
      );
      // Still away, or closed meanwhile.
      if (this.#closed || !answered.includes(true)) return;
    }
  }

  /** Resolves to whether the store has answered. */
  async #ask(token: string, kept: Kept): Promise<boolean> {
    if (this.#clock.monotonic() > kept.until) return this.#kept.delete(token);
    try {
      const stood = await this.#giveBack(kept.place, token);
      // The call that takes it may still be on its way: ask once more.
      if (stood || ++kept.answers === 2) this.#kept.delete(token);
      return true;
    } catch {
      return false;
    }
  }

  #forgetOld(): void {
    const now = this.#clock.monotonic();
    for (const [token, { until }] of this.#kept) if (now > until) this.#kept.delete(token);
  }

  #schedule(): void {
    this.#cancel ??= this.#clock.after(RETRY_EVERY_MS, () => {
      this.#cancel = undefined;
      if (this.#isAvailable()) this.retry();
      else this.#forgetOld();
      if (this.#kept.size > 0 && !this.#closed) this.#schedule();
    });
  }
}
