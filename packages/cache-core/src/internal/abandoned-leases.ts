import type { Clock } from "../clock.ts";

/** So many are remembered; the others stand until their liveness ends. */
const MAX_KEPT = 10_000;
const RETRY_EVERY_MS = 100;
/** So many are given back at once: those of a burst, one by one, would keep a server that has just come back from answering. */
const PAGE = 500;

/** A lease that may stand although nobody will fill under it. */
export interface AbandonedLease {
  readonly key: string;
  readonly token: string;
}

interface Kept extends AbandonedLease {
  attempts: number;
}

/**
 * Leases that may stand although nobody will fill under them, since the call that took or ended them was not answered.
 * They are given back as soon as the store answers again, so that nobody waits for them.
 */
export class AbandonedLeases {
  readonly #giveBack: (leases: readonly AbandonedLease[]) => Promise<readonly (boolean | undefined)[]>;
  readonly #isAvailable: () => boolean;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #cancel: (() => void) | undefined;
  #running = false;
  #closed = false;

  /** `giveBack` says of each lease whether it stood; `undefined` where the store did not answer. It never rejects. */
  constructor(
    giveBack: (leases: readonly AbandonedLease[]) => Promise<readonly (boolean | undefined)[]>,
    isAvailable: () => boolean,
    clock: Clock,
  ) {
    this.#giveBack = giveBack;
    this.#isAvailable = isAvailable;
    this.#clock = clock;
  }

  add(key: string, token: string): void {
    if (this.#closed || this.#kept.size >= MAX_KEPT) return;
    this.#kept.set(token, { key, token, attempts: 0 });
    this.#schedule();
  }

  /** The store answers again: do not wait for the timer. */
  wake(): void {
    if (!this.#running && this.#kept.size > 0) void this.#giveAllBack();
  }

  close(): void {
    this.#closed = true;
    this.#kept.clear();
    this.#cancel?.();
  }

  async #giveAllBack(): Promise<void> {
    this.#running = true;
    try {
      const all = [...this.#kept.values()];
      for (let i = 0; i < all.length && !this.#closed; i += PAGE) {
        const page = all.slice(i, i + PAGE);
        const stood = await this.#giveBack(page);
        for (const [n, lease] of page.entries()) {
          if (stood[n] === undefined) continue;
          // The call that takes it may still be on its way: ask once more.
          if (stood[n] === true || ++lease.attempts === 2) this.#kept.delete(lease.token);
        }
        // Still away.
        if (stood.every((each) => each === undefined)) break;
      }
    } finally {
      this.#running = false;
    }
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#cancel ??= this.#clock.after(RETRY_EVERY_MS, () => {
      this.#cancel = undefined;
      if (this.#isAvailable()) this.wake();
      if (this.#kept.size > 0) this.#schedule();
    });
  }
}
