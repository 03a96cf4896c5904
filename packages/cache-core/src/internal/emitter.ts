import type { CacheEvents } from "../events.ts";

/** Typed events. `wants(name)` is one property read: a payload is built only for somebody who listens. */
export class Emitter {
  readonly #handlers = new Map<keyof CacheEvents, Set<(payload: never) => void>>();
  readonly #onHandlerError: (error: unknown) => void;

  constructor(onHandlerError: (error: unknown) => void) {
    this.#onHandlerError = onHandlerError;
  }

  wants(event: keyof CacheEvents): boolean {
    return this.#handlers.size > 0 && this.#handlers.has(event);
  }

  on<E extends keyof CacheEvents>(event: E, handler: (payload: CacheEvents[E]) => void): () => void {
    const known = this.#handlers.get(event) ?? new Set();
    known.add(handler as (payload: never) => void);
    this.#handlers.set(event, known);
    return () => {
      known.delete(handler as (payload: never) => void);
      if (known.size === 0 && this.#handlers.get(event) === known) this.#handlers.delete(event);
    };
  }

  emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void {
    const known = this.#handlers.get(event);
    if (known === undefined) return;
    for (const handler of [...known]) {
      try {
        (handler as (payload: CacheEvents[E]) => void)(payload);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }
}
