import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type { AtomicArgument, AtomicOperation } from "../../src/atomic-operation.ts";
import { systemClock } from "../../src/clock.ts";
import { createMemoryDatabase, type EmbeddedDatabase } from "../../src/internal/memory-database.ts";

/**
 * Runs a script with a time that the test decides. Everything else is the script as it is shipped: only what depends on
 * the real clock, or on Redis' own dice, goes through `virtual`. Its messages are returned beside its reply.
 */
const VIRTUAL_TIME = `
local SEC, USEC = KEYS[#KEYS - 1], KEYS[#KEYS]
local NOW = SEC * 1000 + math.floor(USEC / 1000)
local KEYS = {KEYS[1], #KEYS == 4 and KEYS[2] or nil}
local PUBLISHED = {}
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end
local function ordered(set)
  local all = redis.call(redis.call('TYPE', set).ok == 'set' and 'SMEMBERS' or 'HKEYS', set)
  table.sort(all, before)
  return all
end
local function first(set, count)
  local all = ordered(set)
  local some = {}
  for i = 1, math.min(#all, tonumber(count)) do some[i] = all[i] end
  return some
end
local function virtual(command, ...)
  local a = {...}
  if command == 'TIME' then return {SEC, USEC} end
  if command == 'SET' and a[3] == 'PX' then return redis.call('SET', a[1], a[2], 'PXAT', NOW + a[4]) end
  if command == 'PEXPIRE' then return redis.call('PEXPIREAT', a[1], NOW + a[2]) end
  if command == 'PTTL' then
    local at = redis.call('PEXPIRETIME', a[1])
    return at < 0 and at or at - NOW
  end
  if command == 'SRANDMEMBER' or command == 'HRANDFIELD' then return first(a[1], a[2]) end
  if command == 'HKEYS' or command == 'SMEMBERS' then return ordered(a[1]) end
  if command == 'SSCAN' then return {'0', first(a[1], 1e9)} end
  if command == 'SPOP' then
    local some = first(a[1], a[2])
    for _, member in ipairs(some) do redis.call('SREM', a[1], member) end
    return some
  end
  if command == 'PUBLISH' then
    PUBLISHED[#PUBLISHED + 1] = a[1] .. ' ' .. a[2]
    return 0
  end
  return redis.call(command, ...)
end
`;

/** Members of a tag at which a hash becomes a set: few, so that the histories have both. */
const MANY = 3;

/**
 * Every key with its type, expiry and content; of streams the fields, whose ids follow the real clock. Members of a tag are
 * a set, in a hash too, and what the registry says of their kind is checked and taken out.
 */
const DUMP = `
local found = {}
local function kindOfMembers(registry, tag, score)
  local kind = redis.call('TYPE', string.gsub(registry, '^n:1r', 'n:1t') .. ':' .. tag).ok
  local many = tonumber(score) % 1 ~= 0
  if kind ~= 'none' and many ~= (kind == 'set') then error(registry .. ' has ' .. score .. ' for ' .. tag .. ', which is a ' .. kind) end
  return string.format('%.0f', math.floor(score))
end
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, content = redis.call('TYPE', key).ok, nil
  if kind == 'string' then content = redis.call('GET', key)
  elseif kind == 'set' then content = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then content = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'hash' and string.find(key, '^n:1t') then kind, content = 'set', redis.call('HKEYS', key)
  elseif kind == 'hash' then content = redis.call('HGETALL', key)
  else
    content = {}
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do content[#content + 1] = entry[2] end
  end
  if string.find(key, '^n:1r') then
    for i = 1, #content, 2 do content[i + 1] = kindOfMembers(key, content[i], content[i + 1]) end
  end
  found[#found + 1] = {key, kind, redis.call('PEXPIRETIME', key), content}
end
return found
`;

const EXPIRE = `
local gone = 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  local at = redis.call('PEXPIRETIME', key)
  if at >= 0 and at < tonumber(ARGV[1]) then gone = gone + redis.call('DEL', key) end
end
return gone
`;

export interface Outcome {
  readonly reply: unknown;
  readonly published: readonly string[];
}

/** One side: a database at a time that the test decides. */
export interface Side {
  run(operation: AtomicOperation, keys: readonly string[], args: readonly AtomicArgument[]): Promise<Outcome>;
  /** Sets the time and removes what has expired. */
  setTime(micros: number): Promise<void>;
  /** What nobody asked for: an eviction, foreign bytes, a foreign type. */
  evict(key: string): Promise<void>;
  overwrite(key: string, bytes: Buffer, expireAtMs: number): Promise<void>;
  makeForeign(key: string, expireAtMs: number): Promise<void>;
  state(): Promise<Map<string, unknown>>;
  clear(): Promise<void>;
}

export function redisSide(client: Redis): Side {
  const scripts = new Map<string, string>();
  let micros = 0;

  function virtualized(operation: AtomicOperation): string {
    const known = scripts.get(operation.name);
    if (known !== undefined) return known;
    const [shebang, body] = operation.lua.startsWith("#!")
      ? [
          operation.lua.slice(0, operation.lua.indexOf("\n") + 1),
          operation.lua.slice(operation.lua.indexOf("\n") + 1),
        ]
      : ["", operation.lua];
    const script = `${shebang}${VIRTUAL_TIME}
local function body()
${body.replaceAll("redis.call(", "virtual(").replace("local MANY = 128", `local MANY = ${MANY}`)}
end
local reply = body()
return {reply, PUBLISHED}`;
    scripts.set(operation.name, script);
    return script;
  }

  async function evaluate(script: string, keys: readonly string[], args: readonly AtomicArgument[]) {
    const sha = createHash("sha1").update(script).digest("hex");
    const send = (command: string, source: string): Promise<unknown> =>
      client.callBuffer(command, source, keys.length, ...keys, ...args);
    return send("EVALSHA", sha).catch((error: Error) => {
      if (!error.message.startsWith("NOSCRIPT")) throw error;
      return send("EVAL", script);
    });
  }

  return {
    async run(operation, keys, args) {
      const time = [String(Math.floor(micros / 1e6)), String(micros % 1e6)];
      try {
        const [reply, published] = (await evaluate(virtualized(operation), [...keys, ...time], args)) as [
          unknown,
          Buffer[],
        ];
        return { reply: plain(reply), published: published.map(latin1) };
      } catch (error) {
        throw new Error(`${operation.name} in Lua: ${(error as Error).message}`);
      }
    },
    async setTime(next) {
      micros = next;
      await evaluate(EXPIRE, [], [Math.floor(micros / 1000)]);
    },
    async evict(key) {
      await client.del(key);
    },
    async overwrite(key, bytes, expireAtMs) {
      await client.set(key, bytes, "PXAT", expireAtMs);
    },
    async makeForeign(key, expireAtMs) {
      await client.del(key);
      await client.hset(key, "x", "y");
      await client.pexpireat(key, expireAtMs);
    },
    async state() {
      const found = (await evaluate(DUMP, [], [])) as [Buffer, Buffer, number, unknown][];
      const state = new Map<string, unknown>();
      for (const [key, kind, expireAt, content] of found) {
        const type = String(kind);
        const shown = plain(content);
        state.set(String(key), [
          type,
          expireAt,
          type === "set"
            ? (shown as string[]).sort()
            : type === "zset"
              ? pairs(shown as string[])
              : type === "hash"
                ? fields(shown as string[])
                : shown,
        ]);
      }
      return state;
    },
    async clear() {
      await client.flushdb();
    },
  };
}

export function memorySide(): Side {
  let micros = 0;
  let published: string[] = [];
  const database: EmbeddedDatabase = createMemoryDatabase({
    clock: systemClock,
    // Half a microsecond more: a double at this size must not round down to the one before.
    now: () => micros / 1000 + 0.0005,
    random: Math.random,
    onPublish: (channel, message) => void published.push(latin1(`${channel} ${message.toString("utf8")}`)),
  });
  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const members = database.smembers;
  // The same dice as in Lua: the first members.
  database.smembers = (key) => members(key).sort(byBytes);
  database.srandmember = (key, count) => members(key).sort(byBytes).slice(0, count);

  function content(key: string): unknown[] {
    try {
      return ["string", latin1(database.get(key) as Buffer)];
    } catch {}
    try {
      return ["set", database.smembers(key).map(latin1).sort()];
    } catch {}
    try {
      const found = database.zrangebyscore(key, -Infinity, Infinity);
      return [
        "zset",
        found.map((member) => [latin1(member), String(database.zscore(key, member))]).sort(byFirst),
      ];
    } catch {}
    try {
      return ["hash", fields([...database.hgetall(key)].flat().map(latin1))];
    } catch {}
    return ["stream", database.xrange(key, "-", "+").map(({ fields }) => [...fields].flat().map(latin1))];
  }

  return {
    async run(operation, keys, args) {
      published = [];
      const reply = database.atomic(() => operation.run(database, keys, args));
      // As they would arrive: arguments are text on the wire.
      return { reply: plain(reply), published };
    },
    async setTime(next) {
      micros = next;
      // As Redis, which has nothing that is expired when its clock is set back.
      database.sweepExpired(Number.POSITIVE_INFINITY);
    },
    async evict(key) {
      database.del(key);
    },
    async overwrite(key, bytes, expireAtMs) {
      database.set(key, bytes, expireAtMs);
    },
    async makeForeign(key, expireAtMs) {
      database.del(key);
      database.hset(key, "x", Buffer.from("y"));
      database.pexpireat(key, expireAtMs);
    },
    async state() {
      const state = new Map<string, unknown>();
      for (const page of database.keysWithPrefix("", 1_000)) {
        for (const key of page) {
          const left = database.pttl(key);
          const expireAt = left < 0 ? left : Math.floor(database.nowMs()) + left;
          const [type, shown] = content(key);
          state.set(key, [type, expireAt, shown]);
        }
      }
      return state;
    },
    async clear() {
      database.clear();
    },
  };
}

function byFirst(a: string[], b: string[]): number {
  return (a[0] as string) < (b[0] as string) ? -1 : 1;
}

function fields(flat: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let i = 0; i < flat.length; i += 2) found.push([flat[i] as string, flat[i + 1] as string]);
  return found.sort(byFirst);
}

function pairs(flat: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let i = 0; i < flat.length; i += 2) found.push([flat[i] as string, String(Number(flat[i + 1]))]);
  return found.sort(byFirst);
}

/** Bytes one to one, so that nothing is lost in a comparison. */
function latin1(value: string | Buffer): string {
  return (typeof value === "string" ? Buffer.from(value) : value).toString("latin1");
}

function plain(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(plain);
  return Buffer.isBuffer(reply) ? reply.toString("latin1") : reply;
}
