import { LONGEST_MS, type WireRule } from "../plan.ts";
import { isWindow, NOTHING, packed, whole } from "./bytes.ts";
import type { Bounds, Counted } from "./counted.ts";

const TAG = 0x66;

/** A counter of the window that began with its first hit. */
export class FixedWindow implements Counted {
  readonly #rule: WireRule;
  #count: number | null = null;
  #finish = 0;
  #windowMs = 0;

  constructor(rule: WireRule) {
    this.#rule = rule;
  }

  read(body: Buffer, wrote: number | null, now: number): boolean {
    if (body[0] !== TAG || body.length !== 25) return false;
    const count = body.readDoubleBE(1);
    const end = body.readDoubleBE(9);
    const windowMs = body.readDoubleBE(17);
    if (!(whole(count) && whole(end) && isWindow(windowMs))) return false;
    const ahead = Math.max(0, (wrote ?? end - windowMs) - now);
    const finish = end - ahead;
    if (finish > now && finish <= now + 2 * LONGEST_MS) {
      this.#count = count;
      this.#finish = finish;
      this.#windowMs = windowMs;
    }
    return ahead > 0;
  }

  earliest(from: number, cost: number): number {
    if (this.#count === null || from >= this.#finish) return from;
    return this.#count + cost <= this.#rule[2] ? Math.max(from, this.#finish - this.#windowMs) : this.#finish;
  }

  take(at: number, cost: number): void {
    if (this.#count !== null && at < this.#finish) {
      this.#count += cost;
      return;
    }
    const windowMs = this.#rule[3];
    this.#count = cost;
    this.#finish = at + windowMs;
    this.#windowMs = windowMs;
  }

  give(cost: number): void {
    if (this.#count !== null) this.#count = Math.max(0, this.#count - cost);
  }

  get spent(): number {
    return this.#count ?? 0;
  }

  get bounds(): Bounds | null {
    if (this.#count === null) return null;
    return { latest: this.#finish - this.#windowMs, finish: this.#finish };
  }

  left(): number {
    return this.#rule[2] - this.spent;
  }

  body(): Buffer {
    return this.#count === null ? NOTHING : packed(TAG, this.#count, this.#finish, this.#windowMs);
  }
}
