import type { CacheEvents } from "../events.ts";
import type { ReadObserver } from "../read-observer.ts";
import type { ReadOutcome, ReadSink } from "../read-sink.ts";
import { callHandler } from "./call-handler.ts";

/** Typed events. `wants(name)` is one property read: a payload is built only for somebody who listens. */
export class Emitter {
  readonly #handlers = new Map<keyof CacheEvents, Set<(payload: never) => void>>();
  readonly #onHandlerError: (error: unknown) => void;
  /** Whether anybody wants to be told of each hit in process: all that such a hit looks at. */
  active = false;
  /** Told of every read. An array that is replaced, not changed: it is walked on the hot path. */
  observers: readonly ReadObserver[] = [];
  /** Told how many reads there were. Hits in process are counted on their entries, and told later. */
  sinks: readonly ReadSink[] = [];

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

  addSink(sink: ReadSink): () => void {
    const own: ReadSink = (...reads) => sink(...reads);
    this.sinks = [...this.sinks, own];
    return () => {
      this.sinks = this.sinks.filter((each) => each !== own);
    };
  }

  tellReads(key: string, outcome: ReadOutcome, count: number): void {
    for (const sink of this.sinks) {
      try {
        sink(key, outcome, count);
      } catch (error) {
        this.#onHandlerError(error);
      }
    }
  }

  #note(): void {
    this.active = this.#handlers.has("entry:hit") || this.observers.length > 0;
  }

  emit<E extends keyof CacheEvents>(event: E, payload: CacheEvents[E]): void {
    const known = this.#handlers.get(event);
    if (known === undefined) return;
    for (const handler of [...known]) {
      callHandler(handler as (payload: CacheEvents[E]) => unknown, this.#onHandlerError, payload);
    }
  }
}
