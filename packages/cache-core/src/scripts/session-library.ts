import type { AtomicArgument } from "../atomic-operation.ts";
import type { MemoryDatabase } from "../memory-database.ts";
import { LUA_WHOLE } from "./lua-names.ts";
import { text } from "./twin-library.ts";

/**
 * A session is a string under `<base>s<tag>:<id>`: its TTL in ms, the hint of the codec, the user, a NUL, the payload;
 * and a member, scored with its expiry, of the user's sorted set `<base>u<tag>:<user>`.
 */
export const LUA_SESSIONS: string = `${LUA_WHOLE}
local SESSION = ARGV[1] .. 's' .. ARGV[2] .. ':'
local USER = ARGV[1] .. 'u' .. ARGV[2] .. ':'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function enlist(user, id, at)
  local set = USER .. user
  redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
  redis.call('ZADD', set, at, id)
  if redis.call('PEXPIREAT', set, at, 'GT') == 0 and redis.call('PTTL', set) == -1 then redis.call('PEXPIREAT', set, at) end
end
local function read(id)
  -- Another type, or bytes that this library did not write: no session.
  local stored = redis.pcall('GET', SESSION .. id)
  if type(stored) ~= 'string' then return nil end
  local ttl, hint, user, rest = string.match(stored, '^(%d+)|(%d+)|([^%z]*)%z()')
  if not ttl then return nil end
  return tonumber(ttl), tonumber(hint), user, string.sub(stored, rest)
end
`;

/** The TypeScript side of `LUA_SESSIONS`. */
export class SessionTwin {
  readonly db: MemoryDatabase;
  readonly sessionPrefix: string;
  readonly userPrefix: string;
  readonly now: number;

  constructor(db: MemoryDatabase, args: readonly AtomicArgument[]) {
    this.db = db;
    this.sessionPrefix = `${text(args[0])}s${text(args[1])}:`;
    this.userPrefix = `${text(args[0])}u${text(args[1])}:`;
    this.now = Math.floor(db.nowMs());
  }

  enlist(user: string, id: string, at: number): void {
    const set = this.userPrefix + user;
    this.db.zremrangebyscore(set, Number.NEGATIVE_INFINITY, this.now);
    this.db.zadd(set, at, id);
    if (!this.db.pexpireat(set, at, true) && this.db.pttl(set) === -1) this.db.pexpireat(set, at);
  }

  read(id: string): { ttlMs: number; hint: number; user: string; payload: Buffer } | null {
    let stored: Buffer | null;
    try {
      stored = this.db.get(this.sessionPrefix + id);
    } catch {
      return null;
    }
    const end = stored?.indexOf(0) ?? -1;
    if (stored === null || end === -1) return null;
    const head = /^(\d+)\|(\d+)\|(.*)$/s.exec(stored.subarray(0, end).toString("utf8"));
    if (head === null) return null;
    return {
      ttlMs: Number(head[1]),
      hint: Number(head[2]),
      user: head[3] as string,
      payload: stored.subarray(end + 1),
    };
  }
}
