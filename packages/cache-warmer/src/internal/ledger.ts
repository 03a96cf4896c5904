import type { AtomicArgument, Cache, Store } from "@crm/cache-core";
import { holdTasks } from "../scripts/hold-tasks.ts";
import { type Mark, STATE, stepTasks } from "../scripts/step-tasks.ts";

/** A task that this instance would take. */
export interface Candidate {
  /** Its name in the ledger. */
  readonly name: string;
  /** A mark of the fleet counts when it is at most so old, and later than `since` (ms of the store's clock). */
  readonly maxAgeMs: number;
  readonly since: number;
}

export interface StepBounds {
  /** How many to take at most, of those that nobody has. */
  readonly want: number;
  /** In flight in the whole fleet. */
  readonly most: number;
  /** How long marks are kept. */
  readonly keepMs: number;
  /** Nothing more will be taken: the others may have this one's share. */
  readonly leaving: boolean;
}

export type CandidateState =
  | { readonly kind: "free" }
  /** Ours; `began`: when the first holder began, ms of the store's clock. */
  | { readonly kind: "granted"; readonly began: number }
  | { readonly kind: "held"; readonly leftMs: number }
  | { readonly kind: "done"; readonly at: number; readonly mark: Mark };

export interface LedgerReply {
  /** The store's clock. */
  readonly now: number;
  /** Keys of another type that lay under the names of the ledger, and are gone. */
  readonly cleared: number;
  /** Tasks in flight in the whole fleet. */
  readonly inFlight: number;
  readonly states: readonly CandidateState[];
}

const FREE: CandidateState = { kind: "free" };

/**
 * Who warms what, and what has been warmed: shared by all instances of a namespace, in one slot. It only saves work. That
 * nothing newer is overwritten is the fill's concern, so losing the ledger costs loads and nothing else.
 */
export class Ledger {
  readonly #store: Store;
  readonly #keys: readonly [held: string, done: string, here: string];
  readonly #prefix: string;
  readonly #token: string;
  readonly leaseMs: number;

  constructor(cache: Cache, token: string, leaseMs: number) {
    const { store, keys, prefix } = cache.internals;
    this.#store = store;
    const place = `${keys.base}p${keys.hashTag(0)}`;
    this.#keys = [`${place}:held`, `${place}:done`, `${place}:here`];
    this.#prefix = prefix;
    this.#token = token;
    this.leaseMs = leaseMs;
  }

  /** Notes what has ended and takes up to `want` of the candidates, if no more than `most` are in flight in all. */
  async step(
    ended: readonly { readonly name: string; readonly mark: Mark }[],
    candidates: readonly Candidate[],
    bounds: StepBounds,
  ): Promise<LedgerReply> {
    const { want, most, keepMs, leaving } = bounds;
    const args: AtomicArgument[] = [this.#token, this.leaseMs, keepMs, most, want];
    args.push(leaving ? 1 : 0, ended.length);
    for (const { name, mark } of ended) args.push(this.#prefix + name, mark);
    for (const { name, maxAgeMs, since } of candidates) args.push(this.#prefix + name, maxAgeMs, since);
    const [now, inFlight, cleared, ...states] = (await this.#store.run(stepTasks, this.#keys, args)) as [
      number,
      number,
      number,
      ...number[][],
    ];
    return { now, inFlight, cleared, states: states.map(readState) };
  }

  /** Prolongs leases. Resolves to which of them still are this instance's. */
  async hold(
    tasks: readonly { readonly name: string; readonly counts: boolean }[],
  ): Promise<readonly boolean[]> {
    const args: AtomicArgument[] = [this.#token, this.leaseMs];
    for (const { name, counts } of tasks) args.push(this.#prefix + name, counts ? 1 : 0);
    const replies = (await this.#store.run(holdTasks, [this.#keys[0]], args)) as number[];
    return replies.map((reply) => reply === 1);
  }

  /** What the store's clock shows, without a call. */
  get now(): number {
    return this.#store.serverNow(this.#keys[0]);
  }
}

function readState(state: readonly number[]): CandidateState {
  const [kind, first = 0, second = 0] = state;
  if (kind === STATE.granted) return { kind: "granted", began: first };
  if (kind === STATE.held) return { kind: "held", leftMs: first };
  if (kind === STATE.done) return { kind: "done", at: first, mark: second as Mark };
  return FREE;
}
