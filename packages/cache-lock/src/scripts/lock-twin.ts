import type { AtomicArgument, MemoryDatabase } from "@crm/cache-core";
import {
  ANNOUNCED_AGAIN,
  CLEARED_MS,
  GRACE_MS,
  GRANTS_OF_ONE_RUN,
  KEPT_MS,
  SHORT_GRACE_MS,
} from "./lock-library.ts";

const ALL = Number.POSITIVE_INFINITY;

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

/** The TypeScript side of `LUA_LOCK`, function by function. */
export class LockTwin {
  readonly db: MemoryDatabase;
  readonly holders: string;
  readonly state: string;
  readonly queue: string;
  readonly me: string;
  readonly channel: string;
  readonly exact: boolean;
  readonly owner: string;
  readonly now: number;
  readonly micros: number;
  fence = 0;
  used = 0;
  streak = 0;
  changed = false;
  latest = 0;
  watch = -1;
  /** Tokens and fences of this process's own grants. */
  readonly mine: [token: string, fence: number][] = [];
  readonly suspects: Set<string> = new Set();

  constructor(db: MemoryDatabase, keys: readonly string[], args: readonly AtomicArgument[]) {
    this.db = db;
    [this.holders, this.state, this.queue] = keys as [string, string, string];
    this.me = text(args[0]);
    this.channel = text(args[1]);
    this.exact = text(args[2]) === "1";
    this.owner = text(args[3]);
    const nowMs = db.nowMs();
    this.now = Math.floor(nowMs);
    this.micros = Math.floor(nowMs * 1000);
  }

  keep(key: string, at: number, extra: number): void {
    if (this.now + this.db.pttl(key) < at) this.db.pexpireat(key, at + extra);
  }

  drop(token: string): string {
    const { process, permits } = parse(token);
    this.db.zrem(this.holders, token);
    this.db.hdel(this.state, token);
    this.used -= permits;
    this.changed = true;
    return process;
  }

  nextFence(): string {
    this.fence = Math.max(this.fence + 1, this.micros);
    this.changed = true;
    return this.fence.toFixed(0);
  }

  lease(token: string, ms: number, record: string): void {
    this.db.zadd(this.holders, this.now + ms, token);
    this.db.hset(this.state, token, Buffer.from(record, "utf8"));
    this.latest = Math.max(this.latest, this.now + ms);
    this.changed = true;
  }

  record(token: string): string {
    return this.db.hget(this.state, token)?.toString("utf8") ?? "";
  }

  load(): void {
    const found = /^(\d+)\|(\d+)\|(\d+)$/.exec(this.record("m"));
    let known = false;
    if (found !== null) {
      known = true;
      this.fence = Number(found[1]);
      this.used = Number(found[2]);
      this.streak = Number(found[3]);
    }
    if (this.db.zcard(this.holders) === 0) {
      if (this.used > 0) {
        this.db.del(this.state);
        this.changed = true;
      }
      this.used = 0;
    } else if (!known) {
      for (const token of this.byEnd()) this.used += parse(token).permits;
      this.changed = true;
    }
    for (const token of this.db.zrangebyscore(this.holders, -ALL, this.now)) {
      const unclaimed = this.record(token).startsWith("?");
      const process = this.drop(token);
      if (unclaimed && process !== this.me) {
        this.streak++;
        this.suspects.add(process);
      }
    }
  }

  advance(): void {
    let grants = 0;
    for (;;) {
      const [head] = this.db.zrangebyscore(this.queue, -ALL, ALL, 0, 1);
      if (head === undefined) return;
      const { process, permits, limit, ttlMs } = parse(head);
      if (this.suspects.has(process)) {
        this.db.zrem(this.queue, head);
      } else if (this.used + permits > limit) {
        return;
      } else if (grants === GRANTS_OF_ONE_RUN) {
        this.watch = 1;
        return;
      } else {
        grants++;
        const grace = this.streak > 0 ? SHORT_GRACE_MS : GRACE_MS;
        this.db.zrem(this.queue, head);
        this.used += permits;
        if (process === this.me) {
          this.lease(head, ttlMs, `${this.nextFence()}|${this.owner}`);
          this.mine.push([head, this.fence]);
          continue;
        }
        this.lease(head, grace, `?${this.nextFence()}`);
        if (this.tell(process, `g${head}`) === 0 && this.exact) {
          this.drop(head);
          this.suspects.add(process);
        } else {
          this.watch = Math.floor(grace / 2);
        }
      }
    }
  }

  save(): void {
    if (!this.changed) return;
    const meta = `${this.fence.toFixed(0)}|${this.used}|${this.streak}`;
    this.db.hset(this.state, "m", Buffer.from(meta));
    this.keep(this.state, Math.max(this.latest, this.now + KEPT_MS), KEPT_MS);
    if (this.latest > 0) this.keep(this.holders, this.latest + CLEARED_MS, 1_000);
  }

  tell(process: string, message: string): number {
    return this.db.publish(this.channel + process, Buffer.from(message, "utf8"));
  }

  /** Holders by the end of their leases. */
  byEnd(count: number = -1): string[] {
    return this.db.zrangebyscore(this.holders, -ALL, ALL, 0, count);
  }

  /** The first grants, and when the first of those that were not claimed ends. */
  announceAgain(): number {
    let end = -1;
    for (const token of this.byEnd(ANNOUNCED_AGAIN)) {
      if (!this.record(token).startsWith("?")) continue;
      this.tell(parse(token).process, `g${token}`);
      if (end === -1) end = this.db.zscore(this.holders, token) as number;
    }
    return end;
  }
}

/** What a token says. A member that this library did not write counts as one permit of one, of nobody. */
export function parse(token: string): { process: string; permits: number; limit: number; ttlMs: number } {
  const [, process = "", permits = 1, limit = 1, ttlMs = 1] =
    /^([^.]*)\.[^.]*\.(\d+)\.(\d+)\.(\d+)$/.exec(token) ?? [];
  return { process, permits: Number(permits), limit: Number(limit), ttlMs: Number(ttlMs) };
}

/** Own grants for a reply. */
export function pairs(mine: readonly [string, number][]): (Buffer | number)[] {
  return mine.flatMap(([token, fence]) => [bulk(token), fence]);
}

/** Text for a reply. */
export function bulk(value: string): Buffer {
  return Buffer.from(value, "utf8");
}
