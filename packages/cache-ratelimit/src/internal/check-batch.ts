import type { AtomicArgument, AtomicReply, Store } from "@crm/cache-core";
import { StoreReplyError } from "@crm/cache-core";
import { checkLimits, readChecks } from "../scripts/check-limits.ts";
import { checkWindow, readWindow } from "../scripts/check-window.ts";
import { checkWindows, readWindows } from "../scripts/check-windows.ts";
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

/**
 * Sends together what is asked in one turn of the event loop, at its end. A call that may be asked by itself is sent at once where no
 * other is under way.
 */
export class CheckBatch {
  readonly #store: Store;
  readonly #keys: readonly [string];
  readonly #monotonic: () => number;
  #calls: Call[] = [];
  /** Scripts that were not answered yet. */
  #underWay = 0;

  /** `prefix`: the limiter's keys in one slot group. */
  constructor(store: Store, prefix: string, monotonic: () => number) {
    this.#store = store;
    this.#keys = [prefix];
    this.#monotonic = monotonic;
  }

  /** Nothing is under way, and nobody waits to be sent. */
  get idle(): boolean {
    return this.#underWay === 0 && this.#calls.length === 0;
  }

  /** The arguments of a call are a plan, a cost (0 or below: only look) and the subjects. */
  add(plan: CompiledPlan, cost: number, subjects: readonly string[], waiting: Waiting): void {
    this.#calls.push({ plan, cost, subjects, waiting });
    if (this.#calls.length === 1) process.nextTick(this.#flush);
    else if (this.#calls.length === CALLS_OF_ONE_SCRIPT) this.#flush();
  }

  /**
   * Asks a call of fixed windows by itself, at once. `answered` is told the figures of its rules; `null` where the store holds
   * something unusual: then it has to be asked as any other.
   */
  askAlone<T>(
    windows: readonly WindowRule[],
    cost: number,
    subjects: readonly string[],
    answered: (figures: readonly number[] | null) => T | Promise<T>,
    failed: (error: unknown) => T,
  ): Promise<T> {
    const asked =
      windows.length === 1 ? this.#askOne(windows, cost, subjects) : this.#askEach(windows, cost, subjects);
    this.#underWay++;
    return asked.then(
      (reply) => {
        this.#underWay--;
        return answered(windows.length === 1 ? readWindow(reply) : readWindows(reply, windows.length));
      },
      (error) => {
        this.#underWay--;
        return failed(error);
      },
    );
  }

  #askOne(windows: readonly WindowRule[], cost: number, subjects: readonly string[]): Promise<AtomicReply> {
    const { part, subject, limit, window } = windows[0] as WindowRule;
    return this.#store.run(
      checkWindow,
      [this.#keyOf(part, subjects[subject] as string)],
      [cost, limit, window],
    );
  }

  #askEach(windows: readonly WindowRule[], cost: number, subjects: readonly string[]): Promise<AtomicReply> {
    const keys: string[] = [];
    const args: AtomicArgument[] = [cost];
    for (const { part, subject, limit, window } of windows) {
      keys.push(this.#keyOf(part, subjects[subject] as string));
      args.push(limit, window);
    }
    return this.#store.run(checkWindows, keys, args);
  }

  #keyOf(part: string, subject: string): string {
    return `${this.#keys[0]}${part}:${subject}`;
  }

  readonly #flush = (): void => {
    const calls = this.#calls;
    const [first] = calls;
    if (first === undefined) return;
    this.#calls = [];
    const { plan, cost, subjects, waiting } = first;
    if (calls.length > 1 || cost <= 0 || plan.windows === null) {
      this.#askTogether(calls);
      return;
    }
    const sentAt = this.#monotonic();
    const answered = (figures: readonly number[] | null): void => {
      if (figures === null) this.#askTogether(calls);
      else waiting.answered(figures, 0, sentAt);
    };
    void this.askAlone(plan.windows, cost, subjects, answered, waiting.failed);
  };

  #askTogether(calls: readonly Call[]): void {
    const args: AtomicArgument[] = [];
    let count = 1;
    for (const { plan, cost, subjects, waiting } of calls) {
      args.push(plan.source, cost);
      for (const subject of subjects) args.push(subject);
      count += waiting.width;
    }
    const sentAt = this.#monotonic();
    const asked = this.#store.run(checkLimits, this.#keys, args);
    this.#underWay++;
    asked.then(
      (reply) => {
        this.#underWay--;
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
        this.#underWay--;
        for (const { waiting } of calls) waiting.failed(error);
      },
    );
  }
}
