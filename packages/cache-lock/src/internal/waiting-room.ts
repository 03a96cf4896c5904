import { type Clock, holdProcess } from "@crm/cache-core";
import type { LockPlace } from "./lock-place.ts";
import type { Waiter } from "./waiter.ts";

/**
 * A sign of life of a queue is awaited at most so long, then the queue is asked: so a lost message, a broken subscription
 * or a queue that was evicted delays a grant by no more. One question a second for each lock, however many wait for it.
 */
const ASK_EVERY_MS = 1_000;

interface Group {
  readonly place: LockPlace;
  /** In the order in which they enlisted. */
  readonly waiters: Set<Waiter>;
  cancel: (() => void) | undefined;
  dueAt: number;
}

/** Those of this process who wait, by lock. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #ask: (waiter: Waiter) => void;
  readonly #groups = new Map<string, Group>();
  #release: (() => void) | undefined;

  constructor(clock: Clock, ask: (waiter: Waiter) => void) {
    this.#clock = clock;
    this.#ask = ask;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** Notes that somebody waits, and when to ask at the latest. */
  enter(waiter: Waiter, nextMs: number): void {
    const [key] = waiter.place.keys;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { place: waiter.place, waiters: new Set(), cancel: undefined, dueAt: 0 };
      this.#groups.set(key, group);
    }
    group.waiters.add(waiter);
    this.#release ??= holdProcess();
    this.#schedule(group, nextMs < 0 ? ASK_EVERY_MS : Math.min(ASK_EVERY_MS, nextMs + 1));
  }

  leave(waiter: Waiter): void {
    const [key] = waiter.place.keys;
    const group = this.#groups.get(key);
    if (group === undefined || !group.waiters.delete(waiter) || group.waiters.size > 0) return;
    group.cancel?.();
    this.#groups.delete(key);
    if (this.#groups.size > 0) return;
    this.#release?.();
    this.#release = undefined;
  }

  /** The queue has forgotten one of them, so perhaps all: each enlists again, with its old ticket. */
  askOthers(waiter: Waiter): void {
    for (const other of this.#groups.get(waiter.place.keys[0])?.waiters ?? []) {
      if (other !== waiter) this.#ask(other);
    }
  }

  /** The store answers again. */
  askAll(): void {
    for (const group of this.#groups.values()) this.#askFirst(group);
  }

  #schedule(group: Group, ms: number): void {
    const dueAt = this.#clock.monotonic() + ms;
    if (group.cancel !== undefined && group.dueAt <= dueAt) return;
    group.cancel?.();
    group.dueAt = dueAt;
    group.cancel = this.#clock.after(ms, () => {
      group.cancel = undefined;
      this.#askFirst(group);
    });
  }

  #askFirst(group: Group): void {
    const [first] = group.waiters;
    if (first === undefined) return;
    // In case that nothing comes back.
    this.#schedule(group, ASK_EVERY_MS);
    this.#ask(first);
  }
}
