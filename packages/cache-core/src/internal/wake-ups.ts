import type { Store } from "../store.ts";

/** How a fill that somebody waited for has ended: filled, nothing to store, error, revoked; or nobody said. */
export type Outcome = "f" | "n" | "e" | "r" | "?";

/** Waits for fills of other processes, by push: one channel a process, on which scripts name the key and the outcome. */
export class WakeUps {
  readonly #store: Store;
  readonly #channel: string;
  readonly #waiting = new Map<string, Set<(outcome: Outcome) => void>>();
  #standing: Promise<boolean> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(store: Store, channel: string) {
    this.#store = store;
    this.#channel = channel;
  }

  /** Listens, from the first wait on. Resolves to whether it does. */
  listen(): Promise<boolean> {
    this.#standing ??= this.#store
      .subscribe(this.#channel, (message) => {
        const outcome = message.charAt(0) as Outcome;
        for (const wake of [...(this.#waiting.get(message.slice(1)) ?? [])]) wake(outcome);
      })
      .then(
        (unsubscribe) => {
          this.#unsubscribe = unsubscribe;
          return true;
        },
        () => {
          this.#standing = undefined;
          return false;
        },
      );
    return this.#standing;
  }

  /** Begins to wait for a key, before the store is told of it, so that no push is missed. */
  expect(key: string): { readonly outcome: Promise<Outcome>; end(): void } {
    let settle: (outcome: Outcome) => void = () => {};
    const outcome = new Promise<Outcome>((resolve) => {
      settle = resolve;
    });
    const known = this.#waiting.get(key) ?? new Set();
    known.add(settle);
    this.#waiting.set(key, known);
    return {
      outcome,
      end: () => {
        known.delete(settle);
        if (known.size === 0 && this.#waiting.get(key) === known) this.#waiting.delete(key);
        settle("?");
      },
    };
  }

  async close(): Promise<void> {
    for (const known of this.#waiting.values()) for (const wake of [...known]) wake("?");
    this.#waiting.clear();
    await this.#unsubscribe?.().catch(() => {});
  }
}
