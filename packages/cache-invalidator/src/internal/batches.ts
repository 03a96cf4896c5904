import { AsyncLocalStorage } from "node:async_hooks";
import { InvalidOptionError } from "@crm/cache-core";
import type { InvalidationResult } from "../cache-invalidator.ts";
import type { CheckedEvent } from "./check-event.ts";

interface Batch {
  readonly events: CheckedEvent[];
  /** The batch around it. */
  readonly outer: Batch | undefined;
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
    const batch = this.#open();
    if (batch === undefined) return this.#apply(events);
    for (const event of events) batch.events.push(event);
    return { unit: undefined, keysInvalidated: 0, deferred: true };
  }

  /** What an inner batch collected becomes a part of the outer one when its work has succeeded, and is dropped otherwise. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (typeof work !== "function") {
      throw new InvalidOptionError({ option: "work", received: work, expected: "a function" });
    }
    const own: Batch = { events: [], outer: this.#open(), open: true };
    let value: T;
    try {
      value = await this.#current.run(own, async () => work());
    } finally {
      own.open = false;
    }
    if (own.events.length === 0) return value;
    // Outside of the batch: what a custom handler invalidates is sent at once.
    if (own.outer?.open === true) for (const event of own.events) own.outer.events.push(event);
    else await this.#current.exit(() => this.#apply(own.events));
    return value;
  }

  /** The innermost batch that has not ended: work may go on after its own has. */
  #open(): Batch | undefined {
    let batch = this.#current.getStore();
    while (batch !== undefined && !batch.open) batch = batch.outer;
    return batch;
  }
}
