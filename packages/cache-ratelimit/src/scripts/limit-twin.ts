import type { AtomicArgument, MemoryDatabase } from "@crm/cache-core";
import { LimitRecord } from "./limit-record.ts";
import { type Address, LimitState } from "./limit-state.ts";
import { nameIn, type Plan, rulesOf, text, type WireRule } from "./plan.ts";
import { NOTHING, stringAt } from "./state/bytes.ts";
import { blankOf } from "./state/record.ts";

/** What the scripts need of a database, so that a bounded map can stand in for one. */
export type StateDatabase = Pick<MemoryDatabase, "nowMs" | "get" | "set" | "del" | "pttl">;

/** The TypeScript side of what `LUA_LIMITS` does with keys; `LimitState` is that of what it does with one state. */
export class LimitTwin {
  readonly db: StateDatabase;
  readonly micros: number;
  readonly now: number;
  readonly #plans = new Map<string, Plan>();
  readonly #records = new Map<string, LimitRecord>();

  constructor(db: StateDatabase) {
    this.db = db;
    this.micros = Math.floor(db.nowMs() * 1000);
    this.now = Math.floor(this.micros / 1000);
  }

  planOf(source: string): Plan {
    let plan = this.#plans.get(source);
    if (plan === undefined) {
      plan = JSON.parse(source) as Plan;
      this.#plans.set(source, plan);
    }
    return plan;
  }

  /** The states of the plan's rules for the subjects that begin at `from` in the arguments. */
  states(prefix: string, plan: Plan, args: readonly AtomicArgument[], from: number): LimitState[] {
    return rulesOf(plan).map((rule) => {
      const address = this.locate(prefix, rule, text(args[from + rule[7] - 1]));
      return new LimitState(this.bytesAt(address), address, this.now);
    });
  }

  locate(prefix: string, rule: WireRule, subject: string): Address {
    const [part, , , , , , , , record] = rule;
    const key = `${prefix}${part}:${subject}`;
    if (record === "") return { rule, key, record: null };
    const name = nameIn(record, part);
    const at = this.#recordAt(`${prefix}${record}:${subject}`);
    at.locate(rule, name);
    return { rule, key, record: { at, name } };
  }

  /** What is stored; empty where it is of another type: no state, and something to be overwritten. */
  bytesAt({ key, record }: Address): Buffer | null {
    if (record !== null) return record.at.get(record.name);
    const raw = stringAt(this.db, key);
    return raw === undefined ? NOTHING : raw;
  }

  /** The same state with nothing counted. */
  blank({ address }: LimitState): LimitState {
    return new LimitState(null, address, this.now);
  }

  /** What is saved in a record is written by `flush`. Returns the bytes. */
  save(state: LimitState): Buffer {
    const { body, expiry } = state.image();
    const { key, record, rule } = state.address;
    if (record !== null) {
      const written = body.length > 0 ? body : blankOf(rule);
      record.at.set(record.name, written);
      return written;
    }
    if (body.length > 0) this.db.set(key, body, expiry);
    else if (state.found) this.db.del(key);
    return body;
  }

  drop({ address: { key, record }, found }: LimitState): void {
    if (record !== null) record.at.set(record.name, NOTHING);
    else if (found) this.db.del(key);
  }

  heal(state: LimitState): void {
    const { key, record } = state.address;
    const isLost = record?.at.isLost ?? (state.found && this.db.pttl(key) === -1);
    if (!state.dirty && !isLost) return;
    state.kept = false;
    this.save(state);
  }

  flush(): void {
    for (const record of this.#records.values()) record.flush();
  }

  #recordAt(key: string): LimitRecord {
    let record = this.#records.get(key);
    if (record === undefined) {
      record = new LimitRecord(this.db, key, this.now);
      this.#records.set(key, record);
    }
    return record;
  }
}
