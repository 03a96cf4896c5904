import type { AtomicArgument, AtomicReply, Store } from "@crm/cache-core";
import { StoreReplyError } from "@crm/cache-core";
import { checkLimits, readChecks } from "../scripts/check-limits.ts";
import { checkWindow } from "../scripts/check-window.ts";
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

/** Sends together what is asked in one turn of the event loop; alone, a call is sent at the end of the turn. */
export class CheckBatch {
  readonly #store: Store;
  readonly #keys: readonly [string];
  readonly #monotonic: () => number;
  #args: AtomicArgument[] = [];
  #waiting: Waiting[] = [];
  /** Of the first call, where it may be asked by itself. */
  #window: WindowRule | null = null;

  /** `prefix`: the limiter's keys in one slot group. */
  constructor(store: Store, prefix: string, monotonic: () => number) {
    this.#store = store;
    this.#keys = [prefix];
    this.#monotonic = monotonic;
  }

  /** The arguments of a call are a plan, a cost (0 or below: only look) and the subjects. */
  add(plan: CompiledPlan, cost: number, subjects: readonly string[], waiting: Waiting): void {
    if (this.#waiting.length === 0) this.#window = cost > 0 ? plan.window : null;
    this.#args.push(plan.source, cost);
    for (const subject of subjects) this.#args.push(subject);
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) process.nextTick(() => this.#flush());
    else if (this.#waiting.length === CALLS_OF_ONE_SCRIPT) this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    const args = this.#args;
    this.#waiting = [];
    this.#args = [];
    const sentAt = this.#monotonic();
    const window = waiting.length === 1 ? this.#window : null;
    const asked =
      window === null ? this.#store.run(checkLimits, this.#keys, args) : this.#askWindow(window, args);
    asked.then(
      (reply) => {
        const count = waiting.reduce((sum, { width }) => sum + width, 1);
        const numbers = readChecks(reply, count);
        let from = 1;
        for (const each of waiting) {
          if (numbers === null)
            each.failed(new StoreReplyError({ operation: checkLimits.name, received: reply }));
          else each.answered(numbers, from, sentAt);
          from += each.width;
        }
      },
      (error) => {
        for (const each of waiting) each.failed(error);
      },
    );
  }

  /** A call by itself of one fixed window; anything unusual is left to the other script. */
  async #askWindow(
    { part, limit, windowMs }: WindowRule,
    args: readonly AtomicArgument[],
  ): Promise<AtomicReply> {
    const [, cost, subject] = args as [string, number, string];
    const key = `${this.#keys[0]}${part}:${subject}`;
    const reply = await this.#store.run(checkWindow, [key], [cost, limit, windowMs]);
    return reply ?? this.#store.run(checkLimits, this.#keys, args);
  }
}
