import type { AtomicArgument, AtomicReply, Store } from "@crm/cache-core";
import { StoreReplyError, StoreUnavailableError } from "@crm/cache-core";
import { checkBucketCalls, readBucketCalls } from "../scripts/check-bucket-calls.ts";
import { checkLimits, readChecks } from "../scripts/check-limits.ts";
import { checkRecordCalls, readRecordCalls } from "../scripts/check-record-calls.ts";
import { checkWindow, readWindow } from "../scripts/check-window.ts";
import { checkWindowCalls, readWindowCalls } from "../scripts/check-window-calls.ts";
import { countHit, countHits, readHits } from "../scripts/count-hits.ts";
import {
  type CompiledPlan,
  type PlannedHits,
  type PlannedWindows,
  type QuickPlan,
  quickFor,
  type WindowRule,
} from "./compiled-plan.ts";
import { FIGURES } from "./to-result.ts";

/** Calls of one script at most: about 50 µs of the server's time. */
const CALLS_OF_ONE_SCRIPT = 16;

/** The scripts for rules of one kind, and how their replies are read. */
const QUICK = {
  windows: { operation: checkWindowCalls, read: readWindowCalls },
  buckets: { operation: checkBucketCalls, read: readBucketCalls },
  records: { operation: checkRecordCalls, read: readRecordCalls },
  hits: { operation: countHits, read: readHits },
} as const;

/** A call that waits for its part of a reply. */
export interface Waiting {
  /** Numbers of the reply that are its own: three for each rule. */
  readonly width: number;
  answered(reply: readonly number[], from: number, sentAt: number): void;
  failed(error: unknown): void;
}

interface Call {
  readonly plan: CompiledPlan;
  /** `null`: it only looks, or has other rules. */
  readonly quick: QuickPlan | null;
  readonly cost: number;
  readonly subjects: readonly string[];
  readonly waiting: Waiting;
}

interface QuickCall extends Call {
  readonly quick: QuickPlan;
}

/** What a script of its own is asked of a call. */
type Question = Pick<QuickCall, "quick" | "cost" | "subjects">;

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

  /** The arguments of a call are a plan, a cost (0 or below: only look) and the subjects. `quick`: how it may be asked. */
  add(
    plan: CompiledPlan,
    cost: number,
    subjects: readonly string[],
    waiting: Waiting,
    quick: QuickPlan | null = quickFor(plan, cost),
  ): void {
    this.#calls.push({ plan, quick, cost, subjects, waiting });
    if (this.#calls.length === 1) process.nextTick(this.#flush);
    else if (this.#calls.length === CALLS_OF_ONE_SCRIPT) this.#flush();
  }

  /**
   * Asks a call that has a script of its own by itself, at once. `answered` is told the figures of its rules, of which there are `rules`; `null`
   * where the store holds something unusual: then it has to be asked as any other.
   */
  askAlone<T>(
    call: Question,
    rules: number,
    answered: (figures: readonly number[] | null) => T | Promise<T>,
    failed: (error: unknown) => T,
  ): Promise<T> {
    const { quick } = call;
    const isOne = rules === 1 && (quick.kind === "windows" || quick.kind === "hits");
    const asked = isOne ? this.#askOne(quick, call) : this.#askQuick(quick.kind, [call]);
    this.#underWay++;
    return asked.then(
      (reply) => {
        this.#underWay--;
        const figures = isOne ? readWindow(reply) : QUICK[quick.kind].read(reply, rules);
        // Nothing else knows what to make of the state of hits.
        if (figures === null && quick.kind === "hits") return failed(unreadable(countHit.name, reply));
        return answered(figures !== null && isJudged(figures, 0) ? figures : null);
      },
      (error) => {
        this.#underWay--;
        return failed(error);
      },
    );
  }

  #askOne({ kind, rules }: PlannedWindows | PlannedHits, { cost, subjects }: Question): Promise<AtomicReply> {
    const { part, subject, limit, window } = rules[0] as WindowRule;
    const keys = [this.#keyOf(part, subjects[subject] as string)];
    return kind === "hits"
      ? this.#store.run(countHit, keys, [limit, window])
      : this.#store.run(checkWindow, keys, [cost, limit, window]);
  }

  #askQuick(kind: QuickPlan["kind"], calls: readonly Question[]): Promise<AtomicReply> {
    if (kind === "hits") return this.#askHits(calls);
    const places = new Map<string, number>();
    const args: AtomicArgument[] = [];
    for (const { quick, cost, subjects } of calls) {
      if (quick.kind === "hits") continue;
      args.push(quick.source, cost);
      for (const { part, subject } of quick.rules) {
        const key = this.#keyOf(part, subjects[subject] as string);
        let place = places.get(key);
        if (place === undefined) {
          place = places.size + 1;
          places.set(key, place);
        }
        args.push(place);
      }
    }
    return this.#store.run(QUICK[kind].operation, [...places.keys()], args);
  }

  #askHits(calls: readonly Question[]): Promise<AtomicReply> {
    const keys: string[] = [];
    const args: AtomicArgument[] = [];
    for (const { quick, subjects } of calls) {
      const { part, subject, limit, window } = quick.rules[0] as WindowRule;
      keys.push(this.#keyOf(part, subjects[subject] as string));
      args.push(limit, window);
    }
    return this.#store.run(countHits, keys, args);
  }

  #keyOf(part: string, subject: string): string {
    return `${this.#keys[0]}${part}:${subject}`;
  }

  readonly #flush = (): void => {
    const calls = this.#calls;
    if (calls.length === 0) return;
    this.#calls = [];
    this.#ask(calls);
  };

  #ask(calls: readonly Call[]): void {
    const [first] = calls as readonly [Call];
    const kind = first.quick?.kind;
    if (kind === undefined || !calls.every(({ quick }) => quick?.kind === kind)) this.#askTogether(calls);
    else if (calls.length === 1 && kind === "windows") this.#askFirst(first as QuickCall);
    else this.#askOfOneKind(kind, calls as readonly QuickCall[]);
  }

  /** What the server refused to do for all may be done for some: that somebody has reached a limit, a full one still says. */
  #fail(calls: readonly Call[], error: unknown): void {
    if (calls.length > 1 && isRefusal(error)) for (const call of calls) this.#ask([call]);
    else for (const { waiting } of calls) waiting.failed(error);
  }

  #askFirst(call: QuickCall): void {
    const { waiting } = call;
    const sentAt = this.#monotonic();
    const answered = (figures: readonly number[] | null): void => {
      if (figures === null) this.#askTogether([call]);
      else waiting.answered(figures, 0, sentAt);
    };
    void this.askAlone(call, waiting.width / FIGURES, answered, waiting.failed);
  }

  #askOfOneKind(kind: QuickPlan["kind"], calls: readonly QuickCall[]): void {
    const { read } = QUICK[kind];
    let count = 0;
    for (const { waiting } of calls) count += waiting.width / FIGURES;
    const sentAt = this.#monotonic();
    this.#underWay++;
    this.#askQuick(kind, calls).then(
      (reply) => {
        this.#underWay--;
        const figures = read(reply, count);
        if (figures === null && kind === "hits") {
          for (const { waiting } of calls) waiting.failed(unreadable(countHits.name, reply));
          return;
        }
        const left = figures === null ? calls : tell(calls, figures, 0, sentAt);
        if (left.length > 0) this.#askTogether(left);
      },
      (error) => {
        this.#underWay--;
        this.#fail(calls, error);
      },
    );
  }

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
        const left = numbers === null ? calls : tell(calls, numbers, 1, sentAt);
        if (left.length === 0) return;
        const error = unreadable(checkLimits.name, reply);
        for (const { waiting } of left) waiting.failed(error);
      },
      (error) => {
        this.#underWay--;
        this.#fail(calls, error);
      },
    );
  }
}

/** Whether the server itself said that it would not, for now: then it has counted nothing. */
function isRefusal(error: unknown): boolean {
  return StoreUnavailableError.isInstance(error) && error.reason === "error";
}

function unreadable(operation: string, received: AtomicReply): StoreReplyError {
  return new StoreReplyError({ operation, received });
}

/** Gives each call its part of the numbers, which begin at `from`. Returns the calls that were not judged. */
function tell(calls: readonly Call[], numbers: readonly number[], from: number, sentAt: number): Call[] {
  const left: Call[] = [];
  for (const call of calls) {
    if (isJudged(numbers, from)) call.waiting.answered(numbers, from, sentAt);
    else left.push(call);
    from += call.waiting.width;
  }
  return left;
}

/** Whether the figures that begin at `from` are those of a call that was judged, and not left to the script for any rules. */
function isJudged(figures: readonly number[], from: number): boolean {
  return (figures[from] as number) >= 0;
}
