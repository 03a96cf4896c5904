import { AsyncLocalStorage } from "node:async_hooks";
import { InvalidOptionError } from "@crm/cache-core";
import type { InvalidationResult } from "../cache-invalidator.ts";
import type { CheckedEvent } from "./check-event.ts";

interface Batch {
  readonly events: CheckedEvent[];
  open: boolean;
}

/** Units of work: events inside wait for the end of the work that they belong to. */
export class Batches {
  readonly #current = new AsyncLocalStorage<Batch>();
  readonly #apply: (events: readonly CheckedEvent[]) => Promise<InvalidationResult>;

  constructor(apply: (events: readonly CheckedEvent[]) => Promise<InvalidationResult>) {
    this.#apply = apply;
  }

  /** Lets events wait where there is a batch that is still open, and applies them otherwise. */
  async add(events: readonly CheckedEvent[]): Promise<InvalidationResult> {
    const batch = this.#current.getStore();
    if (batch?.open !== true) return this.#apply(events);
    batch.events.push(...events);
    return { unit: undefined, keysInvalidated: 0, deferred: true };
  }

  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (typeof work !== "function") {
      throw new InvalidOptionError({ option: "work", received: work, expected: "a function" });
    }
    if (this.#current.getStore()?.open === true) return work();
    const own: Batch = { events: [], open: true };
    let value: T;
    try {
      value = await this.#current.run(own, async () => work());
    } finally {
      own.open = false;
    }
    // Outside of the batch: what a custom handler invalidates is sent at once.
    if (own.events.length > 0) await this.#current.exit(() => this.#apply(own.events));
    return value;
  }
}
