import type { Clock } from "../clock.ts";
import type { StoreAccess } from "./store-access.ts";

/** The leases that this process holds, renewed by one timer until they are given up. Most fetches end before it runs. */
export class Renewals {
  readonly #access: StoreAccess;
  readonly #clock: Clock;
  readonly #livenessMs: number;
  readonly #held = new Map<string, string>();
  #cancel: (() => void) | undefined;

  constructor(access: StoreAccess, clock: Clock, livenessMs: number) {
    this.#access = access;
    this.#clock = clock;
    this.#livenessMs = livenessMs;
  }

  /** Keeps a lease alive until it is dropped, or until the store says that it is lost. */
  keep(key: string, token: string): void {
    this.#held.set(token, key);
    this.#schedule();
  }

  drop(token: string): void {
    this.#held.delete(token);
  }

  close(): void {
    this.#held.clear();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** A lease is at most a third of its life old when it is renewed: the timer may have been running when it came. */
  #schedule(): void {
    this.#cancel ??= this.#clock.after(this.#livenessMs / 3, () => {
      this.#cancel = undefined;
      for (const [token, key] of this.#held) {
        this.#access.leases.renew(key, token, this.#livenessMs).then(
          (standing) => {
            // Lost is lost: its fill will be refused, whatever is renewed.
            if (!standing) this.#held.delete(token);
          },
          () => {
            // The store is away; the next round tries again.
          },
        );
      }
      if (this.#held.size > 0) this.#schedule();
    });
  }
}
