import type { Cache } from "@crm/cache-core";
import type { Unit } from "./prepare-unit.ts";
import type { WireRecord } from "./records.ts";

/** A unit whose first attempt has failed, in part or as a whole. The cache keeps it until the store answers. */
export interface Waiting {
  readonly unit: Unit;
  readonly wire: WireRecord;
  /** When it began, on the monotonic clock. */
  readonly began: number;
  /** Calls that are still to be applied, and what those that were have removed. */
  parts: number;
  keys: number;
  sessionsEnded: number;
  /** Its first attempt is under way. */
  open: boolean;
}

/** Above it the cache makes one removal of everything out of all that waits. */
const MAX_WAITING = 1_000;

/** Hears from the cache when it has applied what waits, and tells of units that are complete. */
export class WaitingUnits {
  readonly #units = new Map<string, Waiting>();
  readonly #onApplied: (waiting: Waiting) => void;
  readonly #stop: () => void;

  constructor(cache: Cache, onApplied: (waiting: Waiting) => void) {
    this.#onApplied = onApplied;
    this.#stop = cache.on("invalidation:applied", ({ record, patterns, removed }) => {
      if (record === undefined && patterns.length === 1 && patterns[0] === "") {
        // Too many waited: the cache has removed everything instead.
        for (const [id, waiting] of this.#units) this.#settle(id, waiting, 0, waiting.parts);
        return;
      }
      const { id } = (record ?? {}) as { id?: string };
      const waiting = id === undefined ? undefined : this.#units.get(id);
      if (id !== undefined && waiting !== undefined) this.#settle(id, waiting, removed, 1);
    });
  }

  /** One more call of the unit waits. */
  addPart(waiting: Waiting): void {
    waiting.parts++;
    if (this.#units.size < MAX_WAITING) this.#units.set(waiting.wire.id, waiting);
  }

  /** The first attempt is over, and has removed so many. */
  endAttempt(waiting: Waiting, keys: number): void {
    waiting.open = false;
    if (this.#units.has(waiting.wire.id)) this.#settle(waiting.wire.id, waiting, keys, 0);
  }

  close(): void {
    this.#stop();
  }

  #settle(id: string, waiting: Waiting, removed: number, parts: number): void {
    waiting.keys += removed;
    waiting.parts -= parts;
    if (waiting.parts > 0 || waiting.open) return;
    this.#units.delete(id);
    this.#onApplied(waiting);
  }
}
