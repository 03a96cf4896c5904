import { LONGEST_MS, type WireRule } from "../plan.ts";
import { isWindow, NOTHING, packed, whole } from "./bytes.ts";
import type { Bounds, Counted } from "./counted.ts";

const TAG = 0x63;

/** The count of this window, and of the one before, of which the share counts that still overlaps. */
export class SlidingCounter implements Counted {
  readonly #rule: WireRule;
  #start: number | null = null;
  #before = 0;
  #count = 0;

  constructor(rule: WireRule) {
    this.#rule = rule;
  }

  read(body: Buffer, wrote: number | null, now: number): boolean {
    if (body[0] !== TAG || body.length !== 33) return false;
    const [storedStart, storedWindow, storedBefore, storedCount] = [1, 9, 17, 25].map((at) =>
      body.readDoubleBE(at),
    ) as [number, number, number, number];
    if (!(whole(storedStart) && whole(storedBefore) && whole(storedCount) && isWindow(storedWindow)))
      return false;
    const ahead = Math.max(0, (wrote ?? storedStart) - now);
    let [start, before, count] = [storedStart - ahead, storedBefore, storedCount];
    if (start > now + LONGEST_MS || now >= start + 2 * storedWindow) return ahead > 0;
    if (now >= start + storedWindow) [start, before, count] = [start + storedWindow, count, 0];
    if (storedWindow !== this.#rule[3]) {
      count += Math.ceil((before * (storedWindow - Math.max(0, now - start))) / storedWindow);
      start = Math.max(start, now);
      before = 0;
    }
    if (before > 0 || count > 0) {
      this.#start = start;
      this.#before = before;
      this.#count = count;
    }
    return ahead > 0;
  }

  earliest(from: number, cost: number): number {
    if (this.#start === null) return from;
    const [, , limit, windowMs] = this.#rule;
    if (this.#count + cost <= limit) {
      const over = this.#before + this.#count + cost - limit;
      const waitMs = over > 0 ? Math.ceil((over * windowMs) / this.#before) : 0;
      return Math.max(from, this.#start + waitMs);
    }
    const over = this.#count + cost - limit;
    return Math.max(from, this.#start + windowMs + Math.ceil((over * windowMs) / this.#count));
  }

  take(at: number, cost: number): void {
    const windowMs = this.#rule[3];
    if (this.#start === null || at >= this.#start + 2 * windowMs) {
      this.#start = at;
      this.#before = 0;
      this.#count = 0;
    } else if (at >= this.#start + windowMs) {
      this.#start += windowMs;
      this.#before = this.#count;
      this.#count = 0;
    }
    this.#count += cost;
  }

  give(cost: number): void {
    if (this.#start === null) return;
    this.#before = Math.max(0, this.#before - Math.max(0, cost - this.#count));
    this.#count = Math.max(0, this.#count - cost);
    if (this.#count === 0 && this.#before === 0) this.#start = null;
  }

  get spent(): number {
    return this.#count + this.#before;
  }

  get bounds(): Bounds | null {
    if (this.#start === null) return null;
    return { latest: this.#start, finish: this.#start + (this.#count > 0 ? 2 : 1) * this.#rule[3] };
  }

  left(now: number): number {
    const [, , limit, windowMs] = this.#rule;
    if (this.#start === null) return limit;
    const before = this.#before * (windowMs - (now - this.#start));
    return Math.floor((limit * windowMs - before - this.#count * windowMs) / windowMs);
  }

  body(): Buffer {
    if (this.#start === null) return NOTHING;
    return packed(TAG, this.#start, this.#rule[3], this.#before, this.#count);
  }
}
