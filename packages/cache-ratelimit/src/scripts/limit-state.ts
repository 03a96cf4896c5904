import type { LimitRecord } from "./limit-record.ts";
import { LONGEST_MS, type WireRule } from "./plan.ts";
import { BUCKET_BYTES, Bucket, slackMs } from "./state/bucket.ts";
import { NOTHING, packed, whole } from "./state/bytes.ts";
import type { Bounds, Counted } from "./state/counted.ts";
import { countedBy } from "./state/counted-by.ts";

const BLOCK = 0x42;
const RESERVED = 0x52;

/** Where the state of a rule for a subject lies. */
export interface Address {
  readonly rule: WireRule;
  /** Names it, and holds it where there is no record. */
  readonly key: string;
  /** `name`: what it is called in there. */
  readonly record: { readonly at: LimitRecord; readonly name: string } | null;
}

/**
 * The TypeScript side of `LUA_STATES`: the state of one rule for one subject. What the bytes mean stands there. This is the head, a block and
 * places in the future; what is counted differs by algorithm, and lies in `state/`.
 */
export class LimitState {
  readonly address: Address;
  readonly rule: WireRule;
  /** The bytes as they were found; empty where there are none. */
  readonly raw: Buffer;
  /** Whether there were any bytes, and whether they must be written although nothing was spent. */
  readonly found: boolean;
  dirty = false;
  blocked = 0;
  span = 0;
  /** Whether the expiry that a bucket says of its key may still be right: it was stored without a head. */
  kept = false;
  readonly #now: number;
  readonly #counted: Counted;

  constructor(raw: Buffer | null, address: Address, now: number) {
    const { rule } = address;
    this.address = address;
    this.rule = rule;
    this.raw = raw ?? NOTHING;
    this.found = raw !== null;
    this.#now = now;
    this.#counted = countedBy(rule);
    if (raw !== null && raw.length > 0) this.#parse(raw, now);
  }

  #parse(raw: Buffer, now: number): void {
    let pos = 0;
    let wrote: number | null = null;
    if (raw[0] === BLOCK && raw.length >= 17) {
      let until = raw.readDoubleBE(1);
      const span = raw.readDoubleBE(9);
      pos = 17;
      if (whole(until) && span >= 1 && span <= LONGEST_MS && until > now) {
        if (until - now > span) {
          until = now + span;
          this.dirty = true;
        }
        this.blocked = until;
        this.span = span;
      }
    }
    if (raw[pos] === RESERVED && raw.length >= pos + 9) {
      wrote = raw.readDoubleBE(pos + 1);
      if (!whole(wrote)) return;
      pos += 9;
    }
    if (this.#counted.read(raw.subarray(pos), wrote, now)) this.dirty = true;
    const counted = this.#counted;
    // A bucket's key may outlive what it owes, and take the next cost.
    const isPlain = counted instanceof Bucket && raw.length === BUCKET_BYTES && counted.expiry !== null;
    this.kept = isPlain && !this.dirty;
  }

  /** The first moment, from `since` on, at which the cost fits: never before a place that is taken already. */
  earliest(since: number, cost: number): number {
    const [, , limit, windowMs] = this.rule;
    const from = Math.max(since, this.blocked);
    return cost > limit ? from + windowMs : this.#counted.earliest(from, cost);
  }

  /** Spends the cost at a moment that `earliest` allows, or past the limit as a penalty. */
  take(at: number, cost: number): void {
    this.#counted.take(at, cost);
  }

  /** Gives back what was spent, the newest first, and never more than there is. */
  give(cost: number): void {
    this.#counted.give(cost);
  }

  /** Spends past the limit, but at most one whole limit past it. */
  punish(amount: number): void {
    const cost = Math.min(amount, 2 * this.rule[2] - this.#counted.spent);
    if (cost > 0) this.take(Math.max(this.#now, this.#bounds.latest), cost);
  }

  /** What is left now, and in how many ms everything is. */
  figures(): [remaining: number, resetMs: number] {
    const { latest, finish } = this.#bounds;
    const now = this.#now;
    const taken = latest > now || this.blocked > now;
    const left = taken ? 0 : Math.max(0, this.#counted.left(now));
    return [left, Math.max(finish, this.blocked) - now];
  }

  /** The bytes to be stored, empty when nothing counts, and when they expire. */
  image(): { readonly body: Buffer; readonly expiry: number } {
    const { latest, finish } = this.#bounds;
    const counted = this.#counted;
    const blocked = this.blocked > this.#now;
    const kept = this.kept && latest <= this.#now && !blocked;
    let expiry = blocked ? Math.max(finish, this.blocked) : finish;
    if (counted instanceof Bucket && counted.bounds !== null) {
      const known = counted.expiry ?? 0;
      expiry = kept && known >= finish ? known : expiry + slackMs(this.rule);
    }
    const block = blocked ? packed(BLOCK, this.blocked, this.span) : NOTHING;
    const reserved = latest > this.#now ? packed(RESERVED, this.#now) : NOTHING;
    const body = counted.body(expiry);
    return {
      body: block === reserved ? body : Buffer.concat([block, reserved, body]),
      expiry,
    };
  }

  /** When the newest place is taken. */
  get latest(): number {
    return this.#bounds.latest;
  }

  get #bounds(): Bounds {
    return this.#counted.bounds ?? { latest: this.#now, finish: this.#now };
  }
}
