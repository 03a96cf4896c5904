import { LONGEST_MS, type WireRule } from "../plan.ts";
import { NOTHING, packed, whole } from "./bytes.ts";
import type { Bounds, Counted } from "./counted.ts";

const TAG = 0x62;
/** Of a state without a head. */
export const BUCKET_BYTES = 33;

/** How much later than needed a key may expire, so that its expiry need not be moved by every call. */
export function slackMs([, , limit, , weight, drain]: WireRule): number {
  return Math.floor((limit * weight) / drain / 16);
}

/** What is owed of the burst, in units of 1 / window, and drains: token bucket and GCRA. */
export class Bucket implements Counted {
  readonly #rule: WireRule;
  #backlog: number | null = null;
  #at = 0;
  /** Of the key, as it was read; `null` where that says nothing. */
  expiry: number | null = null;

  constructor(rule: WireRule) {
    this.#rule = rule;
  }

  read(body: Buffer, wrote: number | null, now: number): boolean {
    if (body[0] !== TAG || body.length !== BUCKET_BYTES) return false;
    const stored = body.readDoubleBE(1);
    const owed = body.readDoubleBE(9);
    const storedWeight = body.readDoubleBE(17);
    if (!(whole(stored) && whole(owed) && whole(storedWeight) && storedWeight >= 1)) return false;
    const [, , limit, , weight, drain] = this.#rule;
    const ahead = Math.max(0, (wrote ?? stored) - now);
    let at = stored - ahead;
    if (at > now + LONGEST_MS) return ahead > 0;
    let backlog = storedWeight === weight ? owed : Math.ceil((owed / storedWeight) * weight);
    if (at < now) {
      backlog -= (now - at) * drain;
      at = now;
    }
    if (backlog > 0) {
      this.#at = at;
      this.#backlog = Math.min(backlog, 2 * limit * weight);
    }
    const expiry = body.readDoubleBE(25);
    if (whole(expiry)) this.expiry = expiry;
    return ahead > 0;
  }

  earliest(from: number, cost: number): number {
    if (this.#backlog === null) return from;
    const [, , limit, , weight, drain] = this.#rule;
    const waitMs = Math.ceil((this.#backlog + cost * weight - limit * weight) / drain);
    return Math.max(from, this.#at, this.#at + waitMs);
  }

  take(at: number, cost: number): void {
    const [, , , , weight, drain] = this.#rule;
    const backlog = this.#backlog === null ? 0 : Math.max(0, this.#backlog - (at - this.#at) * drain);
    this.#at = at;
    this.#backlog = backlog + cost * weight;
  }

  give(cost: number): void {
    if (this.#backlog === null) return;
    this.#backlog -= cost * this.#rule[4];
    if (this.#backlog <= 0) this.#backlog = null;
  }

  get spent(): number {
    return this.#backlog === null ? 0 : Math.ceil(this.#backlog / this.#rule[4]);
  }

  get bounds(): Bounds | null {
    if (this.#backlog === null) return null;
    return { latest: this.#at, finish: this.#at + Math.ceil(this.#backlog / this.#rule[5]) };
  }

  left(): number {
    const [, , limit, , weight] = this.#rule;
    return this.#backlog === null ? limit : Math.floor((limit * weight - this.#backlog) / weight);
  }

  body(expiry: number): Buffer {
    return this.#backlog === null ? NOTHING : packed(TAG, this.#at, this.#backlog, this.#rule[4], expiry);
  }
}
