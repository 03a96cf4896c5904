import type { StateDatabase } from "./limit-twin.ts";
import type { WireRule } from "./plan.ts";
import { NOTHING, stringAt } from "./state/bytes.ts";
import { blankOf, endOf, packRecord, type StoredStates, unpackRecord } from "./state/record.ts";

/** The TypeScript side of what `LUA_STATES` does with a record: the states of the rules of one limiter for one subject. */
export class LimitRecord {
  readonly #db: StateDatabase;
  readonly #key: string;
  readonly #now: number;
  /** Whether anything is under the key. */
  readonly #found: boolean;
  readonly #stored: StoredStates;
  readonly #states: Map<string, Buffer>;
  /** The rules that were read, in order. */
  readonly #rules = new Map<string, WireRule>();
  #changed = false;
  #lost: boolean | null = null;

  constructor(db: StateDatabase, key: string, now: number) {
    this.#db = db;
    this.#key = key;
    this.#now = now;
    const raw = stringAt(db, key);
    this.#found = raw !== null;
    this.#stored = unpackRecord(raw ?? NOTHING);
    this.#states = new Map(this.#stored);
  }

  locate(rule: WireRule, name: string): void {
    this.#rules.set(name, rule);
  }

  get(name: string): Buffer | null {
    return this.#states.get(name) ?? null;
  }

  set(name: string, state: Buffer): void {
    this.#states.set(name, state);
    this.#changed = true;
  }

  /** Whether there is something that has no expiry. */
  get isLost(): boolean {
    this.#lost ??= this.#found && this.#db.pttl(this.#key) === -1;
    return this.#lost;
  }

  /** Writes what has changed: the states of the rules that were read, then those of rules that only other instances have, until they end. */
  flush(): void {
    if (!this.#changed) return;
    const kept = new Map<string, Buffer>();
    for (const [name, rule] of this.#rules) {
      const state = this.#states.get(name) ?? NOTHING;
      const written = state.length > 0 ? state : blankOf(rule);
      if (written.length > 0) kept.set(name, written);
    }
    for (const [name, state] of this.#stored) {
      if (!this.#rules.has(name) && endOf(state, this.#now) > this.#now) kept.set(name, state);
    }
    const end = Math.max(0, ...[...kept.values()].map((state) => endOf(state, this.#now)));
    if (end > this.#now) this.#db.set(this.#key, packRecord(kept), end);
    else if (this.#found) this.#db.del(this.#key);
  }
}
