import type { Clock } from "../clock.ts";
import { Coverage } from "./coverage.ts";

/** More than this many waiting ones are folded into one that covers everything: safe, and bounded. */
const MAX_WAITING = 1_000;
const RETRY_EVERY_MS = 100;

/**
 * Invalidations that could not be applied. They are retried until they are; until then this process treats what they
 * cover as missing.
 */
export class PendingInvalidations {
  readonly #clock: Clock;
  readonly #apply: (coverage: Coverage) => Promise<unknown>;
  #waiting: Coverage[] = [];
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
    for (const coverage of this.#waiting) if (coverage.covers(key, tags)) return true;
    return false;
  }

  add(coverage: Coverage): void {
    this.#waiting.push(coverage);
    if (this.#waiting.length > MAX_WAITING) {
      const everything = { prefix: "", skip: "", glob: "", scopes: true };
      this.#waiting = [new Coverage({ keys: [], tags: [], ranges: [everything], soft: false })];
    }
    this.#schedule();
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

  async #retry(): Promise<void> {
    if (this.#running || this.#closed) return;
    this.#running = true;
    try {
      for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
        await this.#apply(next);
        this.#waiting = this.#waiting.filter((coverage) => coverage !== next);
      }
    } catch {
      // Still not: the caller, the log and the event were told when it began.
    } finally {
      this.#running = false;
      if (this.#waiting.length > 0) this.#schedule();
    }
  }
}
