import type { AtomicArgument } from "../atomic-operation.ts";
import { entryBytes, FLAG_MARKED_STALE, headerBytes, looksLikeEntry, MAX_HEADER_BYTES } from "../entry.ts";
import type { MemoryDatabase } from "../memory-database.ts";

/** Text of an argument. */
export function text(argument: AtomicArgument | undefined): string {
  if (typeof argument === "string") return argument;
  if (argument === undefined) return "";
  return typeof argument === "number" ? String(argument) : argument.toString("utf8");
}

/** Number of an argument. */
export function number(argument: AtomicArgument | undefined): number {
  return typeof argument === "number" ? argument : Number(text(argument));
}

/** Bytes of an argument. */
export function bytes(argument: AtomicArgument | undefined): Buffer {
  return Buffer.isBuffer(argument) ? argument : Buffer.from(text(argument), "utf8");
}

/** After every string that starts with the prefix; what `prefix .. "\\255"` is in Lua. */
export { ABOVE_EVERY_CHARACTER as AFTER } from "../internal/memory-database.ts";

/** The TypeScript side of `lua-library.ts`, function by function. */
export class TwinLibrary {
  readonly db: MemoryDatabase;
  readonly index: string;
  readonly bus: string | undefined;
  readonly entryPrefix: string;
  readonly leasePrefix: string;
  readonly tagPrefix: string;
  readonly tags: string;
  readonly wakePrefix: string;
  readonly now: number;
  readonly micros: string;
  #indexUntil: number | null = null;

  constructor(db: MemoryDatabase, keys: readonly string[], args: readonly AtomicArgument[]) {
    const base = text(args[0]);
    const hashTag = text(args[1]);
    this.db = db;
    this.index = keys[0] as string;
    this.bus = keys[1];
    this.entryPrefix = `${base}e${hashTag}:`;
    this.leasePrefix = `${base}l${hashTag}:`;
    this.tagPrefix = `${base}t${hashTag}:`;
    this.tags = `${base}r${hashTag}`;
    this.wakePrefix = `${base}w:`;
    const nowMs = db.nowMs();
    this.now = Math.floor(nowMs);
    this.micros = Math.floor(nowMs * 1000).toFixed(0);
  }

  expire(key: string, at: number): void {
    if (this.now + this.db.pttl(key) < at) this.db.pexpireat(key, at + slack(at - this.now));
  }

  register(member: string, at: number): void {
    let isNew = false;
    if (this.#indexUntil === null) {
      const left = this.db.pttl(this.index);
      this.#indexUntil = this.now + left;
      isNew = left === -2;
    }
    this.db.zadd(this.index, 0, member);
    if (isNew) {
      let others = this.db.dbsize() - 1;
      if (this.bus !== undefined && this.db.exists(this.bus)) others--;
      if (others > 0) this.markUnverified();
    }
    if (this.#indexUntil < at) {
      this.#indexUntil = at + slack(at - this.now);
      this.db.pexpireat(this.index, this.#indexUntil);
    }
  }

  markUnverified(): void {
    this.db.zadd(this.index, 0, `\u0001u${this.micros}`);
  }

  tagsOf(entry: string): string[] {
    let head: Buffer;
    try {
      head = this.db.getrange(entry, 0, MAX_HEADER_BYTES + 1);
    } catch {
      return [];
    }
    if (!looksLikeEntry(head) || ((head[0] as number) & 2) === 0) return [];
    const size = headerBytes(head[0] as number);
    if (head.length < size + 2) return [];
    const length = head.readUInt16BE(size);
    return this.db
      .getrange(entry, size + 2, size + 1 + length)
      .toString("utf8")
      .split("\0");
  }

  untag(key: string, keep: ReadonlySet<string>): void {
    for (const tag of this.tagsOf(this.entryPrefix + key)) {
      if (keep.has(tag)) continue;
      const set = this.tagPrefix + tag;
      if (this.db.srem(set, key) && !this.db.exists(set)) this.forgetTag(tag);
    }
  }

  forgetTag(tag: string): void {
    if (this.db.zrem(this.tags, tag) && !this.db.exists(this.tags)) this.db.zrem(this.index, "\u0001r");
  }

  addTag(tag: string, key: string, at: number): void {
    const set = this.tagPrefix + tag;
    if (this.db.sadd(set, key) && this.db.scard(set) === 1) {
      const known = this.db.zscore(this.tags, tag);
      if (known !== null && known > this.now) this.markUnverified();
    }
    this.expire(set, at);
    if (this.db.zadd(this.tags, at, tag, true) && this.db.zcard(this.tags) === 1) {
      if (!this.db.zadd(this.index, 0, "\u0001r")) this.markUnverified();
    }
    this.expire(this.tags, at);
    for (const other of this.db.srandmember(set, 3)) {
      if (other !== key && !this.db.exists(this.entryPrefix + other)) this.db.srem(set, other);
    }
  }

  wake(lease: string, key: string, outcome: string): void {
    const [token, , waiters = ""] = lease.split("|");
    for (const id of waiters.split(",")) {
      if (id !== "") this.db.publish(this.wakePrefix + id, Buffer.from(`${outcome}${token}|${key}`, "utf8"));
    }
  }

  lastMark(): string {
    const last = this.db.zrangebylex(this.index, "[\u0001n", "(\u0001o", 0, 1)[0];
    return last?.slice(2) ?? "0".repeat(15);
  }

  markTag(tag: string): void {
    const last = this.lastMark();
    const number = String(Number(last) + 1).padStart(15, "0");
    this.db.zrem(this.index, `\u0001n${last}`);
    this.db.zadd(this.index, 0, `\u0001n${number}`);
    this.db.zadd(this.index, 0, `\u0002${tag}\0${number}`);
  }

  marked(tag: string, since: string): boolean {
    const mark = this.db.zrevrangebylex(this.index, `(\u0002${tag}\u0001`, `[\u0002${tag}\0`, 0, 1)[0];
    return mark !== undefined && mark.slice(tag.length + 2) > since.slice(since.indexOf("-") + 1);
  }

  revoke(key: string): void {
    const lease = this.db.get(this.leasePrefix + key);
    if (lease === null) return;
    this.db.del(this.leasePrefix + key);
    this.db.zrem(this.index, `\u0004${key}`);
    this.wake(lease.toString("utf8"), key, "r");
  }

  remove(key: string): number {
    this.untag(key, NOTHING);
    this.revoke(key);
    this.db.zrem(this.index, key);
    return this.db.del(this.entryPrefix + key) ? 1 : 0;
  }

  soften(key: string): number {
    this.revoke(key);
    const entry = this.entryPrefix + key;
    let head: Buffer;
    try {
      head = this.db.getrange(entry, 0, 15);
    } catch {
      return 0;
    }
    if (!looksLikeEntry(head)) return 0;
    const first = head[0] as number;
    if ((first & FLAG_MARKED_STALE) === 0) {
      this.db.setrange(entry, 0, Buffer.from([first | FLAG_MARKED_STALE]));
    }
    return 1;
  }

  append(message: Buffer, ttlMs: number, limit: number): void {
    const bus = this.bus as string;
    const last = this.db.xrevrange(bus, "+", "-", 1)[0];
    let line = this.micros;
    let count = 1;
    if (last !== undefined) {
      line = (last.fields.get("l") as Buffer).toString();
      count = Number((last.fields.get("n") as Buffer).toString()) + 1;
    }
    this.db.xadd(bus, limit, [
      ["l", Buffer.from(line)],
      ["n", Buffer.from(String(count))],
      ["m", message],
    ]);
    this.expire(bus, this.now + ttlMs);
  }

  verified(): number {
    if (!this.db.exists(this.index)) return 0;
    return this.db.zrangebylex(this.index, "[\u0001u", "(\u0001v", 0, 1).length === 0 ? 1 : 0;
  }

  keepEmpty(whole: number, ms: number): void {
    if (whole !== 1 || this.db.exists(this.index)) return;
    this.db.zadd(this.index, 0, "\u0001e");
    this.db.pexpireat(this.index, this.now + Math.min(60_000, ms));
  }
}

/** How much longer than needed a shared key is kept, so that not every write has to move its expiry. */
function slack(ms: number): number {
  return Math.min(1_000, Math.floor(ms / 100));
}

const NOTHING: ReadonlySet<string> = new Set();

/** The bytes of an entry from the arguments of a write: fresh ms, total ms, kind, flags, cost, checksum, payload. */
export function entryFromArguments(
  args: readonly AtomicArgument[],
  now: number,
  tags: readonly string[],
): Buffer {
  const [freshMs, totalMs, kind, flags, costMs, checksum, payload] = args;
  return entryBytes(
    {
      kind: number(kind),
      flags: number(flags),
      costMs: number(costMs),
      checksum: number(checksum),
      payload: bytes(payload),
    },
    tags,
    { createdAt: now, freshMs: number(freshMs), totalMs: number(totalMs) },
  );
}
