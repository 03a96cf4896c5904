import type { Clock } from "../clock.ts";
import { Coverage } from "./coverage.ts";

/** More than this many waiting ones are folded into one that covers everything: safe, and bounded. */
const MAX_WAITING = 1_000;
const RETRY_EVERY_MS = 100;

interface Waiting {
  readonly coverage: Coverage;
  /** Counts up with each that is added. */
  readonly at: number;
}

/** A write of some keys that is under way while invalidations wait. */
export interface OvertakingWrite {
  /** `stored`: the values are there, in place of everything older. */
  end(stored: boolean): void;
}

/**
 * Invalidations that could not be applied. They are retried until they are; until then this process treats what they
 * cover as missing.
 *
 * A value that was written after an invalidation of its key stays: the write has removed what was to go, and revoked the
 * fills under way, so the invalidation has nothing left to do for that key. Neither is sent while the other is under way,
 * since the server might act on them in either order.
 */
export class PendingInvalidations {
  readonly #clock: Clock;
  readonly #apply: (coverage: Coverage) => Promise<unknown>;
  #waiting: readonly Waiting[] = [];
  #added = 0;
  /** Keys whose writes are under way, with how many. */
  readonly #writing = new Map<string, number>();
  #applying: { readonly coverage: Coverage; readonly end: Promise<void> } | undefined;
  #cancelTimer: (() => void) | undefined;
  #running = false;
  #closed = false;

  constructor(clock: Clock, apply: (coverage: Coverage) => Promise<unknown>) {
    this.#clock = clock;
    this.#apply = apply;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** `tags` null: not known. */
  covers(key: string, tags: readonly string[] | null): boolean {
    for (const { coverage } of this.#waiting) if (coverage.covers(key, tags)) return true;
    return false;
  }

  add(coverage: Coverage): void {
    const at = ++this.#added;
    if (this.#waiting.length < MAX_WAITING) {
      this.#waiting = [...this.#waiting, { coverage, at }];
    } else {
      const everything = { prefix: "", skip: "", glob: "", scopes: true };
      this.#waiting = [
        { coverage: new Coverage({ keys: [], tags: [], ranges: [everything], soft: false }), at },
      ];
    }
    this.#schedule();
  }

  /** A write of these keys begins, as soon as no invalidation of one of them is under way. */
  async beginWrite(keys: readonly string[]): Promise<OvertakingWrite> {
    while (this.#applying !== undefined && sharesKey(this.#applying.coverage, new Set(keys))) {
      await this.#applying.end;
    }
    const began = this.#added;
    for (const key of keys) this.#writing.set(key, (this.#writing.get(key) ?? 0) + 1);
    return {
      end: (stored) => {
        for (const key of keys) {
          const others = (this.#writing.get(key) ?? 1) - 1;
          if (others > 0) this.#writing.set(key, others);
          else this.#writing.delete(key);
        }
        if (stored) this.#overtake(new Set(keys), began);
      },
    };
  }

  /** The store answers again: do not wait for the timer. */
  wake(): void {
    if (this.#waiting.length > 0) void this.#retry();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #schedule(): void {
    if (this.#cancelTimer !== undefined || this.#closed) return;
    this.#cancelTimer = this.#clock.after(RETRY_EVERY_MS, () => {
      this.#cancelTimer = undefined;
      void this.#retry();
    });
  }

  /** Forgets keys of the invalidations that waited when a write of them began which has succeeded. */
  #overtake(keys: ReadonlySet<string>, began: number): void {
    this.#waiting = this.#waiting.flatMap((waiting) => {
      const { coverage, at } = waiting;
      if (at > began || !sharesKey(coverage, keys)) return [waiting];
      const left = new Coverage({ ...coverage, keys: coverage.keys.filter((key) => !keys.has(key)) });
      const isEmpty = left.keys.length + left.tags.length + left.ranges.length === 0;
      return isEmpty && left.record === undefined ? [] : [{ coverage: left, at }];
    });
  }

  /** The first one of which no key is being written. */
  #next(): Waiting | undefined {
    return this.#waiting.find(({ coverage }) => !sharesKey(coverage, this.#writing));
  }

  async #retry(): Promise<void> {
    if (this.#running || this.#closed) return;
    this.#running = true;
    let next = this.#next();
    while (next !== undefined && (await this.#attempt(next))) next = this.#next();
    this.#running = false;
    if (this.#waiting.length > 0) this.#schedule();
  }

  /** Whether it is applied now. */
  async #attempt(next: Waiting): Promise<boolean> {
    const { coverage } = next;
    const applied = this.#apply(coverage);
    this.#applying = { coverage, end: applied.then(noop, noop) };
    const done = await applied.then(
      () => true,
      // Still not: the caller, the log and the event were told when it began.
      () => false,
    );
    this.#applying = undefined;
    const others = this.#waiting.filter((waiting) => waiting !== next);
    if (done) this.#waiting = others;
    // What keeps it from being applied, such as a dead node, may not concern the others: they come first in the next round.
    else if (others.length < this.#waiting.length) this.#waiting = [...others, next];
    return done;
  }
}

function sharesKey(coverage: Coverage, keys: { has(key: string): boolean; readonly size: number }): boolean {
  return keys.size > 0 && coverage.keys.some((key) => keys.has(key));
}

function noop(): void {}
