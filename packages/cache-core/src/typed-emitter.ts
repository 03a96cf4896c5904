import { InvalidOptionError } from "./errors.ts";
import { callHandler } from "./internal/call-handler.ts";

/** The names of events, for who calls from JavaScript. */
export type EventNames<Events extends object> = Readonly<Record<keyof Events, true>>;

/**
 * Typed events, for packages that extend a cache. A listener that throws, or returns a promise that rejects, hinders nobody:
 * `onListenerError` is told.
 */
export class TypedEmitter<Events extends object> {
  readonly #names: EventNames<Events>;
  readonly #handlers = new Map<keyof Events, Set<(payload: never) => unknown>>();
  readonly #onListenerError: (error: unknown) => void;

  constructor(names: EventNames<Events>, onListenerError: (error: unknown) => void) {
    this.#names = names;
    this.#onListenerError = onListenerError;
  }

  /** Returns the function that ends the listening. @throws InvalidOptionError for an event that there is not */
  on<E extends keyof Events>(event: E, handler: (payload: Events[E]) => void): () => void {
    checkListener(this.#names, event, handler);
    const known = this.#handlers.get(event) ?? new Set();
    known.add(handler);
    this.#handlers.set(event, known);
    return () => {
      known.delete(handler);
      if (known.size === 0 && this.#handlers.get(event) === known) this.#handlers.delete(event);
    };
  }

  /** A payload is built only for somebody who listens. */
  emit<E extends keyof Events>(event: E, payload: () => Events[E]): void {
    const known = this.#handlers.get(event);
    if (known === undefined) return;
    const value = payload();
    for (const handler of [...known])
      callHandler(handler as (payload: Events[E]) => unknown, this.#onListenerError, value);
  }
}

/** @throws InvalidOptionError when there is no such event, or the handler is no function */
export function checkListener(names: object, event: unknown, handler: unknown): void {
  if (typeof event !== "string" || !Object.hasOwn(names, event)) {
    const expected = `one of ${Object.keys(names).join(", ")}`;
    throw new InvalidOptionError({ option: "event", received: event, expected });
  }
  if (typeof handler !== "function") {
    const expected = "a function that is called with what has happened";
    throw new InvalidOptionError({ option: "handler", received: handler, expected });
  }
}
