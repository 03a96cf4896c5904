import type { AtomicArgument, MemoryDatabase } from "@crm/cache-core";
import { LimitState } from "./limit-state.ts";
import { type Plan, rulesOf, text, type WireRule } from "./plan.ts";

/** What the scripts need of a database, so that a bounded map can stand in for one. */
export type StateDatabase = Pick<MemoryDatabase, "nowMs" | "get" | "set" | "setrange" | "del" | "pttl">;

/** The TypeScript side of what `LUA_LIMITS` does with keys; `LimitState` is that of what it does with one state. */
export class LimitTwin {
  readonly db: StateDatabase;
  readonly micros: number;
  readonly now: number;
  readonly #plans = new Map<string, Plan>();

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
    return rulesOf(plan).map((rule) =>
      this.read(`${prefix}${rule[0]}:${text(args[from + rule[7] - 1])}`, rule),
    );
  }

  read(key: string, rule: WireRule): LimitState {
    try {
      return new LimitState(this.db.get(key), key, rule, this.now);
    } catch {
      // Another type: no state, and something to be overwritten.
      return new LimitState(Buffer.alloc(0), key, rule, this.now);
    }
  }

  /** A state in which nothing counts. */
  blank(key: string, rule: WireRule): LimitState {
    return new LimitState(null, key, rule, this.now);
  }

  save(state: LimitState): Buffer {
    const { body, expiry, kept } = state.image();
    if (kept) this.db.setrange(state.key, 0, body);
    else if (body.length > 0) this.db.set(state.key, body, expiry);
    else if (state.found) this.db.del(state.key);
    return body;
  }

  heal(state: LimitState): void {
    if (!state.dirty && !(state.found && this.db.pttl(state.key) === -1)) return;
    state.kept = false;
    this.save(state);
  }
}
