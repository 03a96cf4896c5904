import type { Store } from "../store.ts";

/** How a fill that somebody waited for has ended: filled, null, undefined, nothing to share, revoked; or nobody said. */
export type Outcome = "f" | "n" | "u" | "e" | "r" | "?";

/** A wait for the end of a lease. */
export interface Wait {
  /**
   * How the lease with this token ended. News of an earlier lease on the key, which may arrive late, is not mistaken
   * for it: what that one found may have been invalidated since.
   */
  outcomeOf(token: string): Promise<Outcome>;
  end(): void;
}

/** Waits for fills of other processes, by push: one channel a process, on which scripts name the key and the outcome. */
export class WakeUps {
  readonly #store: Store;
  readonly #channel: string;
  readonly #waiting = new Map<string, Set<(outcome: Outcome, token: string) => void>>();
  #standing: Promise<boolean> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(store: Store, channel: string) {
    this.#store = store;
    this.#channel = channel;
  }

  /** Listens, from the first wait on. Resolves to whether it does. */
  listen(): Promise<boolean> {
    const onMessage = (message: string): void => {
      const outcome = message.charAt(0) as Outcome;
      const bar = message.indexOf("|");
      const token = message.slice(1, bar);
      for (const wake of [...(this.#waiting.get(message.slice(bar + 1)) ?? [])]) wake(outcome, token);
    };
    this.#standing ??= this.#store
      .subscribe(this.#channel, onMessage, () => this.#wakeAll())
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
  expect(key: string): Wait {
    const ended = new Map<string, Outcome>();
    let awaited: string | undefined;
    let settle: (outcome: Outcome) => void = () => {};
    const wake = (outcome: Outcome, token: string): void => {
      ended.set(token, outcome);
      if (token === awaited || outcome === "?") settle(outcome);
    };
    const known = this.#waiting.get(key) ?? new Set();
    known.add(wake);
    this.#waiting.set(key, known);
    return {
      outcomeOf(token) {
        awaited = token;
        const outcome = ended.get(token) ?? (ended.has("") ? "?" : undefined);
        if (outcome !== undefined) return Promise.resolve(outcome);
        return new Promise<Outcome>((resolve) => {
          settle = resolve;
        });
      },
      end: () => {
        known.delete(wake);
        if (known.size === 0 && this.#waiting.get(key) === known) this.#waiting.delete(key);
        wake("?", "");
      },
    };
  }

  async close(): Promise<void> {
    this.#wakeAll();
    this.#waiting.clear();
    await this.#unsubscribe?.().catch(() => {});
  }

  /** News may have been missed: whoever waits asks again. */
  #wakeAll(): void {
    for (const known of this.#waiting.values()) for (const wake of [...known]) wake("?", "");
  }
}
