import type { AtomicArgument } from "../atomic-operation.ts";
import type { MemoryDatabase } from "../memory-database.ts";
import { LUA_WHOLE } from "./lua-names.ts";
import { text } from "./twin-library.ts";

/**
 * A session is a string under `<base>s<tag>:<id>`: its TTL in ms, the kind of its payload, when it was made (ms), the user,
 * a NUL, the payload; and a member, scored with its expiry, of the user's sorted set `<base>u<tag>:<user>`. One that is not in that set is
 * none: the set was lost, and ending all sessions of the user would not find it.
 *
 * read(id): TTL, kind, user, payload and when it was made; `nil` and whether there are bytes of somebody else when there is no session.
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
  local stored = redis.pcall('GET', SESSION .. id)
  if not stored then return nil, false end
  if type(stored) ~= 'string' then return nil, true end
  local ttl, kind, made, user, rest = string.match(stored, '^(%d+)|(%d+)|(%d+)|([^%z]*)%z()')
  if not ttl then return nil, true end
  if not redis.call('ZSCORE', USER .. user, id) then return nil, false end
  return tonumber(ttl), tonumber(kind), user, string.sub(stored, rest), tonumber(made)
end
`;

interface StoredSession {
  readonly ttlMs: number;
  readonly kind: number;
  readonly madeAt: number;
  readonly user: string;
  readonly payload: Buffer;
}

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

  read(id: string): StoredSession | "foreign" | null {
    let stored: Buffer | null;
    try {
      stored = this.db.get(this.sessionPrefix + id);
    } catch {
      return "foreign";
    }
    if (stored === null) return null;
    const end = stored.indexOf(0);
    const head =
      end === -1 ? null : /^(\d+)\|(\d+)\|(\d+)\|(.*)$/s.exec(stored.subarray(0, end).toString("utf8"));
    if (head === null) return "foreign";
    const user = head[4] as string;
    if (this.db.zscore(this.userPrefix + user, id) === null) return null;
    const [ttlMs, kind, madeAt] = head.slice(1, 4).map(Number) as [number, number, number];
    return { ttlMs, kind, madeAt, user, payload: stored.subarray(end + 1) };
  }
}
