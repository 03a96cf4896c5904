import { LONGEST_MS, type WireRule } from "../plan.ts";
import { NOTHING, packed, whole } from "./bytes.ts";
import type { Bounds, Counted } from "./counted.ts";

const TAG = 0x6c;
/** A hit: its time in 6 bytes, its cost in 4. */
const HIT_BYTES = 10;

/** Every hit until it leaves the window; those of one slot, where slots are longer than 1 ms, as one. */
export class SlidingLog implements Counted {
  readonly #rule: WireRule;
  #total: number | null = null;
  #hits: Buffer = NOTHING;
  #last = 0;

  constructor(rule: WireRule) {
    this.#rule = rule;
  }

  read(body: Buffer, wrote: number | null, now: number): boolean {
    if (body[0] !== TAG || body.length < 9 + HIT_BYTES || (body.length - 9) % HIT_BYTES !== 0) return false;
    let total = body.readDoubleBE(1);
    let hits = body.subarray(9);
    let last = timeOf(hits, hits.length - HIT_BYTES);
    if (!whole(total)) return false;
    const ahead = Math.max(0, (wrote ?? last) - now);
    if (ahead > 0) {
      hits = Buffer.from(hits);
      for (let i = 0; i < hits.length; i += HIT_BYTES)
        hits.writeUIntBE(Math.max(0, timeOf(hits, i) - ahead), i, 6);
      last -= ahead;
    }
    if (last > now + LONGEST_MS) return ahead > 0;
    let pos = 0;
    while (pos < hits.length && timeOf(hits, pos) + this.#rule[3] <= now) {
      total -= costOf(hits, pos);
      pos += HIT_BYTES;
    }
    if (pos < hits.length && total > 0) {
      this.#total = total;
      this.#hits = hits.subarray(pos);
      this.#last = last;
    }
    return ahead > 0;
  }

  earliest(from: number, cost: number): number {
    if (this.#total === null) return from;
    const [, , limit, windowMs] = this.#rule;
    let at = Math.max(from, this.#last);
    let total = this.#total;
    for (let pos = 0; total + cost > limit && pos < this.#hits.length; pos += HIT_BYTES) {
      at = Math.max(at, timeOf(this.#hits, pos) + windowMs);
      total -= costOf(this.#hits, pos);
    }
    return at;
  }

  take(at: number, cost: number): void {
    const slotMs = this.#rule[4];
    let kept = this.#hits;
    let spent = cost;
    if (this.#total !== null && Math.floor(this.#last / slotMs) === Math.floor(at / slotMs)) {
      spent += costOf(kept, kept.length - HIT_BYTES);
      kept = kept.subarray(0, -HIT_BYTES);
    }
    this.#hits = Buffer.concat([kept, hitOf(at, spent)]);
    this.#total = (this.#total ?? 0) + cost;
    this.#last = at;
  }

  give(cost: number): void {
    let rest = cost;
    while (rest > 0 && this.#total !== null) {
      const end = this.#hits.length - HIT_BYTES;
      const spent = costOf(this.#hits, end);
      const kept = this.#hits.subarray(0, end);
      if (spent > rest) {
        this.#hits = Buffer.concat([kept, hitOf(timeOf(this.#hits, end), spent - rest)]);
        this.#total -= rest;
        return;
      }
      if (kept.length === 0) {
        this.#total = null;
        this.#hits = NOTHING;
        return;
      }
      this.#hits = kept;
      this.#total -= spent;
      this.#last = timeOf(kept, kept.length - HIT_BYTES);
      rest -= spent;
    }
  }

  get spent(): number {
    return this.#total ?? 0;
  }

  get bounds(): Bounds | null {
    return this.#total === null ? null : { latest: this.#last, finish: this.#last + this.#rule[3] };
  }

  left(): number {
    return this.#rule[2] - this.spent;
  }

  body(): Buffer {
    return this.#total === null ? NOTHING : Buffer.concat([packed(TAG, this.#total), this.#hits]);
  }
}

function timeOf(hits: Buffer, at: number): number {
  return hits.readUIntBE(at, 6);
}

function costOf(hits: Buffer, at: number): number {
  return hits.readUInt32BE(at + 6);
}

function hitOf(at: number, cost: number): Buffer {
  const hit = Buffer.allocUnsafe(HIT_BYTES);
  hit.writeUIntBE(at, 0, 6);
  hit.writeUInt32BE(cost, 6);
  return hit;
}
