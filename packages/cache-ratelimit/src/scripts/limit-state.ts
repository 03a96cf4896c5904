import { LONGEST_MS, MAX_COUNT, type WireRule } from "./plan.ts";

const HIT_BYTES = 10;
const NOTHING: Buffer = Buffer.alloc(0);

/** The TypeScript side of `LUA_LIMITS`: the state of one rule for one subject. What the bytes mean stands there. */
export class LimitState {
  readonly key: string;
  readonly rule: WireRule;
  /** Whether anything was under the key, and whether it must be written although nothing was spent. */
  readonly found: boolean;
  dirty = false;
  blocked = 0;
  span = 0;
  /** Whether the expiry under the key is still right: a fixed window that goes on, stored without a head. */
  kept = false;
  readonly #now: number;

  // Fixed window.
  #count: number | null = null;
  #finish = 0;
  #window = 0;
  // Bucket.
  #backlog: number | null = null;
  #at = 0;
  // Sliding counter; its count is `#count`.
  #start: number | null = null;
  #before = 0;
  // Sliding log.
  #total: number | null = null;
  #hits: Buffer = NOTHING;
  #last = 0;

  constructor(raw: Buffer | null, key: string, rule: WireRule, now: number) {
    this.key = key;
    this.rule = rule;
    this.found = raw !== null;
    this.#now = now;
    if (raw !== null && raw.length > 0) this.#parse(raw, now);
  }

  #parse(raw: Buffer, now: number): void {
    let pos = 0;
    let wrote: number | null = null;
    if (raw[0] === 0x42 && raw.length >= 17) {
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
    if (raw[pos] === 0x52 && raw.length >= pos + 9) {
      wrote = raw.readDoubleBE(pos + 1);
      if (!whole(wrote)) return;
      pos += 9;
    }
    const tag = raw[pos];
    const left = raw.length - pos - 1;
    const field = (n: number): number => raw.readDoubleBE(pos + 1 + 8 * n);
    switch (this.rule[1]) {
      case "f":
        if (tag === 0x66 && left === 24) this.#parseFixed(field(0), field(1), field(2), wrote, now);
        this.kept = this.#count !== null && raw.length === 25 && !this.dirty;
        return;
      case "b":
        if (tag === 0x62 && left === 24) this.#parseBucket(field(0), field(1), field(2), wrote, now);
        return;
      case "c":
        if (tag === 0x63 && left === 32)
          this.#parseCounter(field(0), field(1), field(2), field(3), wrote, now);
        return;
      default:
        if (tag === 0x6c && left >= 18 && (left - 8) % HIT_BYTES === 0) {
          this.#parseLog(field(0), raw.subarray(pos + 9), wrote, now);
        }
    }
  }

  #parseFixed(count: number, end: number, window: number, wrote: number | null, now: number): void {
    if (!(whole(count) && whole(end) && isWindow(window))) return;
    let finish = end;
    const ahead = (wrote ?? finish - window) - now;
    if (ahead > 0) {
      finish -= ahead;
      this.dirty = true;
    }
    if (!(finish > now && finish <= now + 2 * LONGEST_MS)) return;
    this.#count = count;
    this.#finish = finish;
    this.#window = window;
  }

  #parseBucket(stored: number, owed: number, weight: number, wrote: number | null, now: number): void {
    if (!(whole(stored) && whole(owed) && whole(weight) && weight >= 1)) return;
    const [, , limit, , x, y] = this.rule;
    let at = stored;
    let backlog = owed;
    const ahead = (wrote ?? at) - now;
    if (ahead > 0) {
      at -= ahead;
      this.dirty = true;
    }
    if (at > now + LONGEST_MS) return;
    if (weight !== x) backlog = Math.ceil((backlog / weight) * x);
    if (at < now) {
      backlog -= (now - at) * y;
      at = now;
    }
    if (backlog <= 0) return;
    this.#at = at;
    this.#backlog = Math.min(backlog, 2 * limit * x);
  }

  #parseCounter(
    stored: number,
    storedWindow: number,
    storedBefore: number,
    storedCount: number,
    wrote: number | null,
    now: number,
  ): void {
    if (!(whole(stored) && whole(storedBefore) && whole(storedCount) && isWindow(storedWindow))) return;
    let [start, window, before, count] = [stored, storedWindow, storedBefore, storedCount];
    const ahead = (wrote ?? start) - now;
    if (ahead > 0) {
      start -= ahead;
      this.dirty = true;
    }
    if (start > now + LONGEST_MS || now >= start + 2 * window) return;
    if (now >= start + window) [start, before, count] = [start + window, count, 0];
    if (window !== this.rule[3]) {
      count += Math.ceil((before * (window - Math.max(0, now - start))) / window);
      start = Math.max(start, now);
      window = this.rule[3];
      before = 0;
    }
    if (before === 0 && count === 0) return;
    this.#start = start;
    this.#before = before;
    this.#count = count;
  }

  #parseLog(stored: number, packed: Buffer, wrote: number | null, now: number): void {
    let total = stored;
    let hits = packed;
    let last = timeOf(hits, hits.length - HIT_BYTES);
    if (!whole(total)) return;
    const ahead = (wrote ?? last) - now;
    if (ahead > 0) {
      hits = Buffer.from(hits);
      for (let i = 0; i < hits.length; i += HIT_BYTES)
        hits.writeUIntBE(Math.max(0, timeOf(hits, i) - ahead), i, 6);
      last -= ahead;
      this.dirty = true;
    }
    if (last > now + LONGEST_MS) return;
    let pos = 0;
    while (pos < hits.length && timeOf(hits, pos) + this.rule[3] <= now) {
      total -= costOf(hits, pos);
      pos += HIT_BYTES;
    }
    if (pos >= hits.length || total <= 0) return;
    this.#total = total;
    this.#hits = hits.subarray(pos);
    this.#last = last;
  }

  /** The first moment, from `since` on, at which the cost fits: never before a place that is taken already. */
  earliest(since: number, cost: number): number {
    const [, kind, limit, windowMs, x, y] = this.rule;
    const from = Math.max(since, this.blocked);
    if (cost > limit) return from + windowMs;
    switch (kind) {
      case "f":
        if (this.#count === null || from >= this.#finish) return from;
        return this.#count + cost <= limit ? Math.max(from, this.#finish - this.#window) : this.#finish;
      case "b": {
        if (this.#backlog === null) return from;
        const wait = Math.ceil((this.#backlog + cost * x - limit * x) / y);
        return Math.max(from, this.#at, this.#at + wait);
      }
      case "c": {
        if (this.#start === null) return from;
        const count = this.#count as number;
        const over = this.#before + count + cost - limit;
        if (count + cost <= limit) {
          const wait = over > 0 ? Math.ceil((over * windowMs) / this.#before) : 0;
          return Math.max(from, this.#start + wait);
        }
        return Math.max(
          from,
          this.#start + windowMs + Math.ceil(((count + cost - limit) * windowMs) / count),
        );
      }
      default: {
        if (this.#total === null) return from;
        let at = Math.max(from, this.#last);
        let total = this.#total;
        for (let pos = 0; total + cost > limit && pos < this.#hits.length; pos += HIT_BYTES) {
          at = Math.max(at, timeOf(this.#hits, pos) + windowMs);
          total -= costOf(this.#hits, pos);
        }
        return at;
      }
    }
  }

  /** Spends the cost at a moment that `earliest` allows, or past the limit as a penalty. */
  take(at: number, cost: number): void {
    const [, kind, , windowMs, x, y] = this.rule;
    switch (kind) {
      case "f":
        if (this.#count === null || at >= this.#finish) {
          this.#count = cost;
          this.#finish = at + windowMs;
          this.#window = windowMs;
          this.kept = false;
        } else {
          this.#count += cost;
        }
        return;
      case "b": {
        const backlog = this.#backlog === null ? 0 : Math.max(0, this.#backlog - (at - this.#at) * y);
        this.#at = at;
        this.#backlog = backlog + cost * x;
        return;
      }
      case "c":
        if (this.#start === null || at >= this.#start + 2 * windowMs) {
          this.#start = at;
          this.#before = 0;
          this.#count = 0;
        } else if (at >= this.#start + windowMs) {
          this.#start += windowMs;
          this.#before = this.#count as number;
          this.#count = 0;
        }
        this.#count = (this.#count as number) + cost;
        return;
      default: {
        let kept = this.#hits;
        let spent = cost;
        if (this.#total !== null && Math.floor(this.#last / x) === Math.floor(at / x)) {
          spent += costOf(kept, kept.length - HIT_BYTES);
          kept = kept.subarray(0, -HIT_BYTES);
        }
        this.#hits = Buffer.concat([kept, hitOf(at, spent)]);
        this.#total = (this.#total ?? 0) + cost;
        this.#last = at;
      }
    }
  }

  /** Gives back what was spent, the newest first, and never more than there is. */
  give(cost: number): void {
    switch (this.rule[1]) {
      case "f":
        if (this.#count !== null) this.#count = Math.max(0, this.#count - cost);
        return;
      case "b":
        if (this.#backlog === null) return;
        this.#backlog -= cost * this.rule[4];
        if (this.#backlog <= 0) this.#backlog = null;
        return;
      case "c": {
        if (this.#start === null) return;
        const count = this.#count as number;
        this.#before = Math.max(0, this.#before - Math.max(0, cost - count));
        this.#count = Math.max(0, count - cost);
        if (this.#count === 0 && this.#before === 0) {
          this.#start = null;
          this.#count = null;
        }
        return;
      }
      default: {
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
    }
  }

  /** Spends past the limit, but at most one whole limit past it. */
  punish(amount: number): void {
    const [, kind, limit, , x] = this.rule;
    let spent = 0;
    if (kind === "b") spent = this.#backlog === null ? 0 : Math.ceil(this.#backlog / x);
    else if (kind === "l") spent = this.#total ?? 0;
    else spent = (this.#count ?? 0) + this.#before;
    const cost = Math.min(amount, 2 * limit - spent);
    if (cost > 0) this.take(Math.max(this.#now, this.#bounds().latest), cost);
  }

  /** When the newest place is taken, and when nothing counts any more. */
  #bounds(): { latest: number; finish: number } {
    const [, kind, , windowMs, , y] = this.rule;
    if (kind === "f" && this.#count !== null) {
      return { latest: this.#finish - this.#window, finish: this.#finish };
    }
    if (kind === "b" && this.#backlog !== null) {
      return { latest: this.#at, finish: this.#at + Math.ceil(this.#backlog / y) };
    }
    if (kind === "c" && this.#start !== null) {
      return {
        latest: this.#start,
        finish: this.#start + ((this.#count as number) > 0 ? 2 : 1) * windowMs,
      };
    }
    if (kind === "l" && this.#total !== null) return { latest: this.#last, finish: this.#last + windowMs };
    return { latest: this.#now, finish: this.#now };
  }

  /** What is left now, and in how many ms everything is. */
  figures(): [remaining: number, resetMs: number] {
    const [, kind, limit, windowMs, x] = this.rule;
    const { latest, finish } = this.#bounds();
    const now = this.#now;
    let left = limit;
    if (latest > now || this.blocked > now) left = 0;
    else if (kind === "f") left = limit - (this.#count ?? 0);
    else if (kind === "b") {
      if (this.#backlog !== null) left = Math.floor((limit * x - this.#backlog) / x);
    } else if (kind === "c") {
      if (this.#start !== null) {
        const before = this.#before * (windowMs - (now - this.#start));
        left = Math.floor((limit * windowMs - before - (this.#count as number) * windowMs) / windowMs);
      }
    } else left = limit - (this.#total ?? 0);
    return [Math.max(0, left), Math.max(finish, this.blocked) - now];
  }

  /** The bytes to be stored, empty when nothing counts, and when they expire. */
  image(): { body: Buffer; finish: number } {
    const { latest, finish } = this.#bounds();
    const parts: Buffer[] = [];
    if (this.blocked > this.#now) parts.push(packed(0x42, this.blocked, this.span));
    if (latest > this.#now) parts.push(packed(0x52, this.#now));
    switch (this.rule[1]) {
      case "f":
        if (this.#count !== null) parts.push(packed(0x66, this.#count, this.#finish, this.#window));
        break;
      case "b":
        if (this.#backlog !== null) parts.push(packed(0x62, this.#at, this.#backlog, this.rule[4]));
        break;
      case "c":
        if (this.#start !== null) {
          parts.push(packed(0x63, this.#start, this.rule[3], this.#before, this.#count as number));
        }
        break;
      default:
        if (this.#total !== null) parts.push(packed(0x6c, this.#total), this.#hits);
    }
    return {
      body: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts),
      finish: this.blocked > this.#now ? Math.max(finish, this.blocked) : finish,
    };
  }
}

function whole(n: number): boolean {
  return n >= 0 && n <= MAX_COUNT && n % 1 === 0;
}

function isWindow(n: number): boolean {
  return n >= 1 && n <= LONGEST_MS && n % 1 === 0;
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

function packed(tag: number, ...numbers: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 8 * numbers.length);
  bytes[0] = tag;
  numbers.forEach((n, i) => {
    bytes.writeDoubleBE(n, 1 + 8 * i);
  });
  return bytes;
}
