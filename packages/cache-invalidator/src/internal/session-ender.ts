import { type Cache, type Clock, type Sessions, sessionActions } from "@crm/cache-core";

const RETRY_MS = 100;
/** Users whose sessions are still to end. */
const MAX_WAITING = 1_000;

/** Ends the sessions of users; what fails is retried until it is done. */
export class SessionEnder {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  readonly #late = new Set<string>();
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(cache: Cache) {
    // Not those of the cache: they end also where it has not been extended, as in a worker, or is only later.
    this.#sessions = sessionActions()(cache).sessions;
    this.#clock = cache.internals.clock;
  }

  /** Resolves to how many sessions ended, and to the first failure. */
  async end(users: readonly string[]): Promise<{ ended: number; failure: unknown }> {
    let failure: unknown;
    let ended = 0;
    for (const user of users) {
      try {
        ended += await this.#sessions.destroyAll(user);
      } catch (error) {
        failure ??= error;
        if (this.#late.size < MAX_WAITING) this.#late.add(user);
        this.#retryLater();
      }
    }
    return { ended, failure };
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #retryLater(): void {
    if (this.#cancel !== undefined || this.#closed) return;
    this.#cancel = this.#clock.after(RETRY_MS, async () => {
      this.#cancel = undefined;
      for (const user of this.#late) {
        try {
          await this.#sessions.destroyAll(user);
          this.#late.delete(user);
        } catch {
          break;
        }
      }
      if (this.#late.size > 0) this.#retryLater();
    });
  }
}
