import type { AtomicArgument, Store } from "@crm/cache-core";
import { StoreReplyError } from "@crm/cache-core";
import { checkLimits, readChecks } from "../scripts/check-limits.ts";
import { checkWindow, readWindow } from "../scripts/check-window.ts";
import type { CompiledPlan, WindowRule } from "./compiled-plan.ts";

/** Calls of one script at most: about 50 µs of the server's time. */
const CALLS_OF_ONE_SCRIPT = 16;

/** A call that waits for its part of a reply. */
export interface Waiting {
  /** Numbers of the reply that are its own: three for each rule. */
  readonly width: number;
  answered(reply: readonly number[], from: number, sentAt: number): void;
  failed(error: unknown): void;
}

interface Call {
  readonly plan: CompiledPlan;
  readonly cost: number;
  readonly subjects: readonly string[];
  readonly waiting: Waiting;
}

/** Sends together what is asked in one turn of the event loop; alone, a call is sent at the end of the turn. */
export class CheckBatch {
  readonly #store: Store;
  readonly #keys: readonly [string];
  readonly #monotonic: () => number;
  #calls: Call[] = [];

  /** `prefix`: the limiter's keys in one slot group. */
  constructor(store: Store, prefix: string, monotonic: () => number) {
    this.#store = store;
    this.#keys = [prefix];
    this.#monotonic = monotonic;
  }

  /** The arguments of a call are a plan, a cost (0 or below: only look) and the subjects. */
  add(plan: CompiledPlan, cost: number, subjects: readonly string[], waiting: Waiting): void {
    this.#calls.push({ plan, cost, subjects, waiting });
    if (this.#calls.length === 1) process.nextTick(this.#flush);
    else if (this.#calls.length === CALLS_OF_ONE_SCRIPT) this.#flush();
  }

  readonly #flush = (): void => {
    const calls = this.#calls;
    const [first] = calls;
    if (first === undefined) return;
    this.#calls = [];
    if (calls.length === 1 && first.cost > 0 && first.plan.window !== null) {
      this.#askWindow(first, first.plan.window);
    } else this.#askLimits(calls);
  };

  #askLimits(calls: readonly Call[]): void {
    const args: AtomicArgument[] = [];
    let count = 1;
    for (const { plan, cost, subjects, waiting } of calls) {
      args.push(plan.source, cost);
      for (const subject of subjects) args.push(subject);
      count += waiting.width;
    }
    const sentAt = this.#monotonic();
    this.#store.run(checkLimits, this.#keys, args).then(
      (reply) => {
        const numbers = readChecks(reply, count);
        let from = 1;
        for (const { waiting } of calls) {
          if (numbers === null)
            waiting.failed(new StoreReplyError({ operation: checkLimits.name, received: reply }));
          else waiting.answered(numbers, from, sentAt);
          from += waiting.width;
        }
      },
      (error) => {
        for (const { waiting } of calls) waiting.failed(error);
      },
    );
  }

  /** A call by itself of one fixed window; anything unusual is left to the other script. */
  #askWindow(call: Call, { part, limit, window }: WindowRule): void {
    const { cost, subjects, waiting } = call;
    const sentAt = this.#monotonic();
    this.#store.run(checkWindow, [`${this.#keys[0]}${part}:${subjects[0]}`], [cost, limit, window]).then(
      (reply) => {
        const numbers = readWindow(reply);
        if (numbers === null) this.#askLimits([call]);
        else waiting.answered(numbers, 0, sentAt);
      },
      (error) => waiting.failed(error),
    );
  }
}
