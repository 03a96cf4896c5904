/**
 * The part of Redis that atomic operations use, in memory. Semantics, names and replies are those of Redis 7, so
 * that a TypeScript twin reads like its Lua; keys that have expired are gone for every call.
 *
 * Strings are byte strings: `Buffer` in and out. Members of sets and sorted sets are JavaScript strings, ordered by
 * their UTF-8 bytes as Redis orders them. Calling a command on a key of another type throws `WRONGTYPE`.
 */
export interface MemoryDatabase {
  /** Server time in milliseconds since the Unix epoch, with microsecond fraction where the clock has it. */
  nowMs(): number;

  exists(key: string): boolean;
  /** Number of live keys in the database. */
  dbsize(): number;
  /** Removes the key, whatever its type. */
  del(key: string): boolean;
  /** Remaining milliseconds; -1 without expiry, -2 without key. */
  pttl(key: string): number;
  /** Sets the expiry to an absolute time in ms; `gt` as in `PEXPIREAT … GT` (no expiry counts as infinite). */
  pexpireat(key: string, atMs: number, gt?: boolean): boolean;

  get(key: string): Buffer | null;
  /** Overwrites any type. `expireAtMs` undefined means no expiry. */
  set(key: string, value: Buffer, expireAtMs?: number): void;
  /** Creates the string if it is missing; keeps the expiry. Returns the new length. */
  append(key: string, value: Buffer): number;
  getrange(key: string, start: number, end: number): Buffer;
  setrange(key: string, offset: number, value: Buffer): number;
  incrby(key: string, by: number): number;

  sadd(key: string, member: string): boolean;
  srem(key: string, member: string): boolean;
  sismember(key: string, member: string): boolean;
  scard(key: string): number;
  smembers(key: string): string[];
  /** Up to `count` different random members, as `SRANDMEMBER key count`. */
  srandmember(key: string, count: number): string[];

  /** Returns whether the member is new. `gt`: an existing score only grows. */
  zadd(key: string, score: number, member: string, gt?: boolean): boolean;
  zrem(key: string, member: string): boolean;
  zscore(key: string, member: string): number | null;
  zcard(key: string): number;
  /** Lexicographic range of a set whose scores are all equal. Bounds as in Redis: `-`, `+`, `[x`, `(x`. */
  zrangebylex(key: string, min: string, max: string, offset?: number, count?: number): string[];
  zrevrangebylex(key: string, max: string, min: string, offset?: number, count?: number): string[];
  /** By score ascending, both bounds inclusive, ties by member. */
  zrangebyscore(key: string, min: number, max: number, offset?: number, count?: number): string[];
  zremrangebyscore(key: string, min: number, max: number): number;

  hget(key: string, field: string): Buffer | null;
  /** Returns whether the field is new. */
  hset(key: string, field: string, value: Buffer): boolean;
  hdel(key: string, field: string): boolean;
  hlen(key: string): number;
  hgetall(key: string): Map<string, Buffer>;

  /** Appends to a stream, trims it to `maxLength` entries exactly, returns the id `<ms>-<n>`. */
  xadd(key: string, maxLength: number, fields: readonly (readonly [string, Buffer])[]): string;
  /** Entries from `start` to `end` inclusive (`-`, `+` or an id), at most `count`. */
  xrange(key: string, start: string, end: string, count?: number): StreamEntry[];
  xrevrange(key: string, end: string, start: string, count?: number): StreamEntry[];
  xlen(key: string): number;
  /** Removes the entries that were appended before `minMs`, as `XTRIM key MINID = minMs`. Returns how many. */
  xtrim(key: string, minMs: number): number;

  /** Delivers to subscribers after the running operation has returned. Returns the number of receivers. */
  publish(channel: string, message: Buffer): number;
}

/** One entry of a stream. */
export interface StreamEntry {
  /** `<milliseconds>-<sequence>` */
  readonly id: string;
  readonly fields: ReadonlyMap<string, Buffer>;
}
