/** Typed events. A listener that throws is reported to `onHandlerError` and stops nobody. */
export class TypedEmitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(payload: never) => void>>();
  readonly #onHandlerError: (error: unknown) => void;

  constructor(onHandlerError: (error: unknown) => void) {
    this.#onHandlerError = onHandlerError;
  }

  on<E extends keyof Events>(event: E, handler: (payload: Events[E]) => void): () => void {
    const known = this.#handlers.get(event) ?? new Set();
    known.add(handler as (payload: never) => void);
    this.#handlers.set(event, known);
    return () => void known.delete(handler as (payload: never) => void);
  }

  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    for (const handler of [...(this.#handlers.get(event) ?? [])]) {
      try {
        (handler as (payload: Events[E]) => void)(payload);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }
}
