import type { CacheEvents } from "../events.ts";
import type { ReadObserver } from "../read-observer.ts";

/** Typed events. `wants(name)` is one property read: a payload is built only for somebody who listens. */
export class Emitter {
  readonly #handlers = new Map<keyof CacheEvents, Set<(payload: never) => void>>();
  readonly #onHandlerError: (error: unknown) => void;
  /** Whether anybody listens to anything: all that a hit in process looks at. */
  active = false;
  /** Told of every read. An array that is replaced, not changed: it is walked on the hot path. */
  observers: readonly ReadObserver[] = [];

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
    this.#note();
    return () => {
      known.delete(handler as (payload: never) => void);
      if (known.size === 0 && this.#handlers.get(event) === known) this.#handlers.delete(event);
      this.#note();
    };
  }

  observe(observer: ReadObserver): () => void {
    // Wrapped, so that one observer given twice is told twice and ends once each.
    const own: ReadObserver = (...read) => observer(...read);
    this.observers = [...this.observers, own];
    this.#note();
    return () => {
      this.observers = this.observers.filter((each) => each !== own);
      this.#note();
    };
  }

  #note(): void {
    this.active = this.#handlers.size > 0 || this.observers.length > 0;
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
