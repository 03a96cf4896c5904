import { InvalidOptionError } from "@crm/cache-core";

/** Typed events. A listener that throws hinders nobody; `onListenerError` is told. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(payload: never) => void>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  on<E extends keyof Events>(event: E, handler: (payload: Events[E]) => void): () => void {
    if (typeof handler !== "function") {
      const expected = "a function that is called with what has happened";
      throw new InvalidOptionError({ option: "handler", received: handler, expected });
    }
    const known = this.#handlers.get(event) ?? new Set();
    known.add(handler as (payload: never) => void);
    this.#handlers.set(event, known);
    return () => {
      known.delete(handler as (payload: never) => void);
      if (known.size === 0 && this.#handlers.get(event) === known) this.#handlers.delete(event);
    };
  }

  /** A payload is built only for somebody who listens. */
  emit<E extends keyof Events>(event: E, payload: () => Events[E]): void {
    const known = this.#handlers.get(event);
    if (known === undefined) return;
    const value = payload();
    for (const handler of [...known]) {
      try {
        (handler as (payload: Events[E]) => void)(value);
      } catch (error) {
        this.#onListenerError(error);
      }
    }
  }
}
