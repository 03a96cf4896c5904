import { createHash } from "node:crypto";
import { type AtomicArgument, type AtomicOperation, memoryStore, type Store } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import type { Redis } from "ioredis";

/** Processes whose name begins so have nobody who listens. */
const DEAD = "dead";

/**
 * Runs a script with a time that the test decides, and with subscribers that it decides. Everything else is the script as
 * it is shipped.
 */
const VIRTUAL = `
local SEC, USEC = KEYS[#KEYS - 1], KEYS[#KEYS]
local NOW = SEC * 1000 + math.floor(USEC / 1000)
local KEYS = {KEYS[1], KEYS[2], KEYS[3]}
local PUBLISHED = {}
local function virtual(command, ...)
  local a = {...}
  if command == 'TIME' then return {SEC, USEC} end
  if command == 'PTTL' then
    local at = redis.call('PEXPIRETIME', a[1])
    return at < 0 and at or at - NOW
  end
  if command == 'PUBLISH' then
    if string.find(a[1], ':${DEAD}', 1, true) then return 0 end
    PUBLISHED[#PUBLISHED + 1] = a[1] .. ' ' .. a[2]
    return 1
  end
  return redis.call(command, ...)
end
`;

const EXPIRE = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local at = redis.call('PEXPIRETIME', key)
  if at >= 0 and at < tonumber(ARGV[1]) then redis.call('DEL', key) end
end
return 1
`;

export interface Outcome {
  readonly reply: unknown;
  readonly published: readonly string[];
}

/** One side: a store at a time that the test decides. Keys 1 and 3 are sorted sets, 2 and 4 hashes. */
export interface Side {
  run(operation: AtomicOperation, keys: readonly string[], args: readonly AtomicArgument[]): Promise<Outcome>;
  setTime(ms: number): Promise<void>;
  evict(key: string): Promise<void>;
  hset(key: string, field: string, value: string): Promise<void>;
  zadd(key: string, score: number, member: string): Promise<void>;
  state(sets: readonly string[], hashes: readonly string[]): Promise<unknown>;
}

export async function redisSide(client: Redis): Promise<Side> {
  await client.flushdb();
  let nowMs = 0;

  async function evaluate(script: string, keys: readonly string[], args: readonly AtomicArgument[]) {
    const sha = createHash("sha1").update(script).digest("hex");
    const send = (command: string, source: string): Promise<unknown> =>
      client.callBuffer(command, source, String(keys.length), ...keys, ...args.map(String));
    return send("EVALSHA", sha).catch((error: Error) => {
      if (!error.message.startsWith("NOSCRIPT")) throw error;
      return send("EVAL", script);
    });
  }

  return {
    async run(operation, keys, args) {
      const time = [String(Math.floor(nowMs / 1000)), String((nowMs % 1000) * 1000)];
      const [shebang = ""] = /^#!.*\n/.exec(operation.lua) ?? [];
      const script = `${shebang}${VIRTUAL}
local function body()
${operation.lua.slice(shebang.length).replaceAll("redis.call(", "virtual(")}
end
local reply = body()
return {reply, PUBLISHED}`;
      try {
        const [reply, published] = (await evaluate(script, [...keys, ...time], args)) as [unknown, Buffer[]];
        return { reply: plain(reply), published: published.map(String) };
      } catch (error) {
        throw new Error(`${operation.name} in Lua: ${(error as Error).message}`);
      }
    },
    async setTime(ms) {
      nowMs = ms;
      await client.eval(EXPIRE, 0, String(ms));
    },
    async evict(key) {
      await client.del(key);
    },
    async hset(key, field, value) {
      await client.hset(key, field, value);
      await client.pexpireat(key, nowMs + 60_000);
    },
    async zadd(key, score, member) {
      await client.zadd(key, score, member);
      await client.pexpireat(key, nowMs + 60_000);
    },
    async state(sets, hashes) {
      const state: Record<string, unknown> = {};
      for (const key of sets) {
        const flat = await client.zrange(key, "0", "-1", "WITHSCORES");
        const members: [string, number][] = [];
        for (let i = 0; i < flat.length; i += 2) members.push([flat[i] as string, Number(flat[i + 1])]);
        state[key] = [await client.pexpiretime(key), members];
      }
      for (const key of hashes) state[key] = [await client.pexpiretime(key), await client.hgetall(key)];
      return state;
    },
  };
}

export async function memorySide(startMs: number, channels: readonly string[]): Promise<Side> {
  const clock: FakeClock = createFakeClock({ startMs });
  const store: Store = memoryStore({ clock });
  let published: string[] = [];
  for (const channel of channels) {
    await store.subscribe(channel, (message) => published.push(`${channel} ${message}`));
  }
  const step = <T>(work: AtomicOperation["run"]): Promise<T> =>
    store.run({ name: "test", lua: "", run: work }, ["k"], []) as Promise<T>;

  return {
    async run(operation, keys, args) {
      published = [];
      const reply = await store.run(operation, keys, args);
      await new Promise((resolve) => setImmediate(resolve));
      return { reply: plain(reply), published };
    },
    async setTime(ms) {
      await clock.advance(ms - clock.wall());
    },
    evict: (key) => step((db) => (db.del(key) ? 1 : 0)),
    hset: (key, field, value) =>
      step((db) => {
        db.hset(key, field, Buffer.from(value));
        db.pexpireat(key, Math.floor(db.nowMs()) + 60_000);
        return 1;
      }),
    zadd: (key, score, member) =>
      step((db) => {
        db.zadd(key, score, member);
        db.pexpireat(key, Math.floor(db.nowMs()) + 60_000);
        return 1;
      }),
    async state(sets, hashes) {
      const state: Record<string, unknown> = {};
      await step((db) => {
        const expiry = (key: string): number => {
          const left = db.pttl(key);
          return left < 0 ? left : Math.floor(db.nowMs()) + left;
        };
        for (const key of sets) {
          const members = db.zrangebyscore(key, -Infinity, Infinity).map((m) => [m, db.zscore(key, m)]);
          state[key] = [expiry(key), members];
        }
        for (const key of hashes) {
          const fields = [...db.hgetall(key)].map(([field, value]) => [field, String(value)]);
          state[key] = [expiry(key), Object.fromEntries(fields)];
        }
        return 1;
      });
      return state;
    },
  };
}

function plain(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(plain);
  return Buffer.isBuffer(reply) ? reply.toString("latin1") : reply;
}
