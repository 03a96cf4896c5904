import type { AtomicArgument } from "../atomic-operation.ts";
import {
  FLAG_MARKED_STALE,
  headerBytes,
  looksLikeEntry,
  MAX_HEADER_BYTES,
  MIN_HEADER_BYTES,
} from "../entry.ts";
import { BUS_FIELD, packBusEntry, readBusEntry } from "../internal/bus-entry.ts";
import type { MemoryDatabase } from "../memory-database.ts";
import { bytes, number, text } from "./arguments.ts";
import { type EntryWrite, writtenBytes } from "./entry-arguments.ts";

/** After every string that starts with the prefix; what `prefix .. "\\255"` is in Lua. */
export { ABOVE_EVERY_CHARACTER as AFTER } from "../internal/memory-database.ts";
export { bytes, number, text };

/** A lease as the hash of leases holds it. */
export interface StoredLease {
  readonly token: string;
  /** Epoch of tag invalidations when it was taken. */
  readonly epoch: number;
  /** When it was taken, and until when it lives: ms of the store's clock. */
  readonly taken: number;
  readonly lives: number;
  /** Processes that wait for its end, each with a comma. */
  readonly waiters: string;
}

/** The field of the epoch, the number of marks and the size at which to sweep. */
const META = "\u0001";
const SWEEP_FROM = 32;

function readLease(value: Buffer | null): StoredLease | undefined {
  if (value === null) return undefined;
  const [token, epoch, taken, lives, waiters] = value.toString("utf8").split("|");
  return {
    token: token ?? "",
    epoch: Number(epoch ?? 0),
    taken: Number(taken ?? 0),
    lives: Number(lives ?? 0),
    waiters: waiters ?? "",
  };
}

function writeLease({ token, epoch, taken, lives, waiters }: StoredLease): Buffer {
  return Buffer.from(`${token}|${epoch}|${taken}|${lives}|${waiters}`, "utf8");
}

/** The TypeScript side of the pieces of Lua (`lua-*.ts`), function by function. */
export class TwinLibrary {
  readonly db: MemoryDatabase;
  readonly index: string;
  readonly bus: string | undefined;
  readonly entryPrefix: string;
  readonly leasesKey: string;
  readonly tagPrefix: string;
  readonly tags: string;
  readonly wakePrefix: string;
  readonly now: number;
  readonly micros: string;

  constructor(db: MemoryDatabase, keys: readonly string[], args: readonly AtomicArgument[]) {
    const base = text(args[0]);
    const hashTag = text(args[1]);
    this.db = db;
    this.index = keys[0] as string;
    this.bus = keys[1];
    this.entryPrefix = `${base}e${hashTag}:`;
    this.leasesKey = `${base}l${hashTag}`;
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

  others(): number {
    let others = this.db.dbsize();
    for (const key of [this.index, this.leasesKey, this.bus]) {
      if (key !== undefined && this.db.exists(key)) others--;
    }
    return others;
  }

  register(keys: readonly string[], at: number): void {
    const left = this.db.pttl(this.index);
    for (const key of keys) this.db.zadd(this.index, 0, key);
    if (left === -2) this.beginIndex();
    if (this.now + left < at) this.db.pexpireat(this.index, at + slack(at - this.now));
  }

  beginIndex(): void {
    if (this.others() > 0) this.markUnverified();
    if (this.db.exists(this.tags)) this.#noteRegistry(this.now + this.db.pttl(this.tags));
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
    if (this.db.zrem(this.tags, tag) && !this.db.exists(this.tags)) this.forgetRegistry();
  }

  #noteRegistry(at: number): void {
    this.forgetRegistry();
    this.db.zadd(this.index, 0, `\u0001r${at}`);
  }

  /** Whether the registry should still have lived. */
  forgetRegistry(): boolean {
    const noted = this.db.zrangebylex(this.index, "[\u0001r", "(\u0001s", 0, 1)[0];
    if (noted === undefined) return false;
    this.db.zrem(this.index, noted);
    return Number(noted.slice(2)) >= this.now;
  }

  addTags(members: ReadonlyMap<string, readonly string[]>, untils: ReadonlyMap<string, number>): void {
    const moved: [number, string][] = [];
    let latest = 0;
    for (const [tag, keys] of members) {
      const set = this.tagPrefix + tag;
      const known = this.db.zscore(this.tags, tag) ?? 0;
      const gone = !this.db.exists(set);
      if (gone && known > this.now) this.markUnverified();
      for (const key of keys) this.db.sadd(set, key);
      let at = untils.get(tag) as number;
      if (!gone && known >= at) continue;
      at = Math.max(at + slack(at - this.now), this.now + this.db.pttl(set));
      this.db.pexpireat(set, at);
      moved.push([at, tag]);
      latest = Math.max(latest, at);
    }
    if (moved.length === 0) return;
    let added = 0;
    for (const [at, tag] of moved) if (this.db.zadd(this.tags, at, tag)) added++;
    if (added > 0 && this.db.zcard(this.tags) === added && this.forgetRegistry()) this.markUnverified();
    if (this.now + this.db.pttl(this.tags) >= latest) return;
    latest += slack(latest - this.now);
    this.db.pexpireat(this.tags, latest);
    this.#noteRegistry(latest);
  }

  writeEntries(writes: readonly EntryWrite[]): void {
    const members = new Map<string, string[]>();
    const untils = new Map<string, number>();
    let longest = 0;
    for (const { key, totalMs, tags } of writes) {
      const at = this.now + totalMs;
      longest = Math.max(longest, at);
      for (const tag of tags) {
        const keys = members.get(tag);
        if (keys === undefined) members.set(tag, [key]);
        else keys.push(key);
        untils.set(tag, Math.max(untils.get(tag) ?? 0, at));
      }
    }
    this.register(
      writes.map(({ key }) => key),
      longest,
    );
    for (const { key, tags } of writes) this.untag(key, new Set(tags));
    this.addTags(members, untils);
    for (const write of writes) {
      this.db.set(this.entryPrefix + write.key, writtenBytes(write, this.now), this.now + write.totalMs);
    }
  }

  wake({ token, waiters }: StoredLease, key: string, outcome: string): void {
    for (const id of waiters.split(",")) {
      if (id !== "") this.db.publish(this.wakePrefix + id, Buffer.from(`${outcome}${token}|${key}`, "utf8"));
    }
  }

  /** A field of the hash of leases. A key of another type counts as none, and goes. */
  #field(name: string): Buffer | null {
    try {
      return this.db.hget(this.leasesKey, name);
    } catch {
      this.db.del(this.leasesKey);
      return null;
    }
  }

  /** The keys of all leases, dead ones among them. */
  leasedKeys(): string[] {
    try {
      return [...this.db.hgetall(this.leasesKey).keys()].filter((field) => field.charCodeAt(0) > 2);
    } catch {
      return [];
    }
  }

  lease(key: string): StoredLease | undefined {
    return readLease(this.#field(key));
  }

  setLease(key: string, lease: StoredLease): void {
    this.db.hset(this.leasesKey, key, writeLease(lease));
  }

  epoch(): { epoch: number; marks: number; sweepAt: number } {
    const meta = this.#field(META);
    if (meta === null) return { epoch: 0, marks: 0, sweepAt: 0 };
    const [epoch, marks, sweepAt] = meta.toString("utf8").split("|").map(Number);
    return { epoch: epoch as number, marks: marks as number, sweepAt: sweepAt as number };
  }

  #setEpoch(epoch: number, marks: number, sweepAt: number): void {
    this.db.hset(this.leasesKey, META, Buffer.from(`${epoch}|${marks}|${sweepAt}`));
  }

  endLeases(keys: readonly string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.db.hdel(this.leasesKey, key);
    if (this.#field(META) === null) return;
    if (this.db.hlen(this.leasesKey) === 1 + this.epoch().marks) this.db.del(this.leasesKey);
  }

  sweepLeases(): void {
    const size = this.db.hlen(this.leasesKey);
    if (size < SWEEP_FROM) return;
    const { epoch, sweepAt } = this.epoch();
    if (size < sweepAt) return;
    const leases = this.db.hgetall(this.leasesKey);
    const gone: string[] = [];
    let oldest = epoch;
    for (const [field, value] of leases) {
      if (field.charCodeAt(0) <= 2) continue;
      const lease = readLease(value) as StoredLease;
      if (lease.lives > this.now) oldest = Math.min(oldest, lease.epoch);
      else gone.push(field);
    }
    let marks = 0;
    for (const [field, value] of leases) {
      if (field.charCodeAt(0) !== 2) continue;
      if (Number(value.toString()) <= oldest) gone.push(field);
      else marks++;
    }
    for (const field of gone) this.db.hdel(this.leasesKey, field);
    this.#setEpoch(epoch, marks, Math.max(SWEEP_FROM, 2 * (size - gone.length)));
  }

  markTag(tag: string): void {
    if (!this.db.exists(this.leasesKey)) return;
    const { epoch, marks, sweepAt } = this.epoch();
    const isNew = this.db.hset(this.leasesKey, `\u0002${tag}`, Buffer.from(String(epoch + 1)));
    this.#setEpoch(epoch + 1, marks + (isNew ? 1 : 0), sweepAt);
    this.expire(this.leasesKey, this.now + 1);
    this.sweepLeases();
  }

  /** Whether one of the tags was invalidated in a later epoch. */
  marked(tags: readonly string[], epoch: number): boolean {
    return tags.some((tag) => Number(this.#field(`\u0002${tag}`)?.toString() ?? 0) > epoch);
  }

  revoke(keys: readonly string[]): void {
    if (!this.db.exists(this.leasesKey)) return;
    const ended: string[] = [];
    for (const key of keys) {
      const lease = this.lease(key);
      if (lease === undefined) continue;
      ended.push(key);
      this.wake(lease, key, "r");
    }
    this.endLeases(ended);
  }

  /** `known`: the entries are known to have tags. */
  remove(keys: readonly string[], known = false): number {
    if (keys.length === 0) return 0;
    if (known || this.db.exists(this.tags)) for (const key of keys) this.untag(key, NOTHING);
    this.revoke(keys);
    let count = 0;
    for (const key of keys) {
      this.db.zrem(this.index, key);
      if (this.db.del(this.entryPrefix + key)) count++;
    }
    return count;
  }

  /** `onlyNew`: one that was marked before does not count. */
  soften(keys: readonly string[], onlyNew = false): number {
    this.revoke(keys);
    let count = 0;
    for (const key of keys) {
      const entry = this.entryPrefix + key;
      let head: Buffer;
      try {
        head = this.db.getrange(entry, 0, MIN_HEADER_BYTES - 1);
      } catch {
        continue;
      }
      if (!looksLikeEntry(head)) continue;
      const first = head[0] as number;
      if ((first & FLAG_MARKED_STALE) === 0) {
        this.db.setrange(entry, 0, Buffer.from([first | FLAG_MARKED_STALE]));
      } else if (onlyNew) continue;
      count++;
    }
    return count;
  }

  append(message: Buffer, ttlMs: number, limit: AtomicArgument | undefined): void {
    const bus = this.bus as string;
    const last = this.db.xrevrange(bus, "+", "-", 1)[0]?.fields.get(BUS_FIELD);
    const before = readBusEntry(last?.toString("utf8") ?? "");
    const known = before.line !== "";
    const bound = text(limit).includes(":") ? text(limit) : before.bound;
    const entry = packBusEntry(
      { line: known ? before.line : this.micros, number: known ? before.number + 1 : 1, bound },
      message,
    );
    if (bound === "") {
      this.db.xadd(bus, number(limit), [[BUS_FIELD, entry]]);
      this.expire(bus, this.now + ttlMs);
      return;
    }
    const [messages = 0, ageMs = 0] = bound.split(":").map(Number);
    this.db.xadd(bus, messages, [[BUS_FIELD, entry]]);
    this.db.xtrim(bus, Math.max(0, this.now - ageMs));
    this.expire(bus, this.now + Math.max(ttlMs, ageMs));
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
