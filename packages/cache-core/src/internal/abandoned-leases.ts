import type { Clock } from "../clock.ts";

/** So many are remembered; the others stand until their liveness ends. */
const MAX_KEPT = 10_000;
const RETRY_EVERY_MS = 100;

/**
 * Leases that may stand although nobody will fill under them, since the call that took or ended them was not answered.
 * Each is given back as soon as the store answers again, so that nobody waits for it.
 */
export class AbandonedLeases {
  readonly #giveBack: (key: string, token: string) => Promise<boolean>;
  readonly #isAvailable: () => boolean;
  readonly #clock: Clock;
  readonly #kept = new Map<string, { readonly key: string; attempts: number }>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(
    giveBack: (key: string, token: string) => Promise<boolean>,
    isAvailable: () => boolean,
    clock: Clock,
  ) {
    this.#giveBack = giveBack;
    this.#isAvailable = isAvailable;
    this.#clock = clock;
  }

  add(key: string, token: string): void {
    if (this.#closed || this.#kept.size >= MAX_KEPT) return;
    this.#kept.set(token, { key, attempts: 0 });
    this.#schedule();
  }

  /** The store answers again: do not wait for the timer. */
  wake(): void {
    for (const [token, lease] of this.#kept) {
      this.#giveBack(lease.key, token).then(
        (stood) => {
          // The call that takes it may still be on its way: ask once more.
          if (stood || ++lease.attempts === 2) this.#kept.delete(token);
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
    if (this.#closed) return;
    this.#cancel ??= this.#clock.after(RETRY_EVERY_MS, () => {
      this.#cancel = undefined;
      if (this.#isAvailable()) this.wake();
      if (this.#kept.size > 0) this.#schedule();
    });
  }
}
