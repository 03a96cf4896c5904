import type { AtomicArgument, AtomicOperation, AtomicReply, MemoryDatabase, Store } from "@crm/cache-core";
import { memoryStore } from "@crm/cache-core";
import type { Redis } from "ioredis";

/** Runs a script at a time that the test decides; what it publishes is returned beside its reply. */
const VIRTUAL_TIME = `
local MICROS = tonumber(KEYS[#KEYS])
local NOW = math.floor(MICROS / 1000)
local KEYS = {unpack(KEYS, 1, #KEYS - 1)}
local PUBLISHED = {}
local function virtual(command, ...)
  local a = {...}
  if command == 'TIME' then return {tostring(math.floor(MICROS / 1000000)), tostring(MICROS % 1000000)} end
  if command == 'PTTL' then
    local at = redis.call('PEXPIRETIME', a[1])
    return at < 0 and at or at - NOW
  end
  if command == 'SET' and a[3] == 'PX' then return redis.call('SET', a[1], a[2], 'PXAT', NOW + a[4]) end
  if command == 'PUBLISH' then
    PUBLISHED[#PUBLISHED + 1] = a[1] .. ' ' .. a[2]
    return 0
  end
  return redis.call(command, ...)
end
`;

const DUMP = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local content = kind == 'string' and redis.call('GET', key) or redis.call('HGETALL', key)
  found[#found + 1] = {key, kind, redis.call('PEXPIRETIME', key), content}
end
return found
`;

const EXPIRE = `
for _, key in ipairs(redis.call('KEYS', '*')) do
  local at = redis.call('PEXPIRETIME', key)
  if at >= 0 and at < tonumber(ARGV[1]) then redis.call('DEL', key) end
end
return 0
`;

export interface Outcome {
  readonly reply: unknown;
  readonly published: readonly string[];
}

/** The same operation in Redis and in memory, at the same time, compared by the caller. */
export class Twins {
  readonly #client: Redis;
  readonly #scripts = new Map<string, string>();
  #store: Store = memoryStore();
  #wall = 0;
  #published: string[] = [];

  constructor(client: Redis) {
    this.#client = client;
  }

  get now(): number {
    return this.#wall;
  }

  async begin(nowMs: number): Promise<void> {
    await this.#client.flushdb();
    this.#wall = nowMs;
    this.#store = memoryStore({
      clock: { wall: () => this.#wall, monotonic: () => 0, after: () => () => {} },
    });
  }

  async setTime(nowMs: number): Promise<void> {
    this.#wall = nowMs;
    await this.#eval(EXPIRE, [], [nowMs]);
    await this.#inMemory((db) => db.dbsize());
  }

  async run(
    operation: AtomicOperation,
    keys: readonly string[],
    args: readonly AtomicArgument[],
  ): Promise<{ redis: Outcome; memory: Outcome }> {
    this.#published = [];
    // The memory store tells steps within one ms apart; Redis is told the same time.
    let micros = 0;
    const reply = await this.#inMemory((db) => {
      micros = Math.floor(db.nowMs() * 1000);
      return operation.run(spying(db, this.#published), keys, args);
    });
    const [inRedis, published] = (await this.#eval(
      this.#virtualized(operation),
      [...keys, String(micros)],
      args,
    )) as [unknown, Buffer[]];
    return {
      memory: { reply: plain(reply), published: this.#published },
      redis: { reply: plain(inRedis), published: published.map(String) },
    };
  }

  /** Does to both what nobody asked for. */
  async disturb(key: string, bytes: Buffer | "foreign" | null, expireAt: number | null): Promise<void> {
    await this.#client.del(key);
    if (bytes === "foreign") await this.#client.hset(key, "x", "y");
    else if (bytes !== null) await this.#client.set(key, bytes);
    if (expireAt !== null) await this.#client.pexpireat(key, expireAt);
    await this.#inMemory((db) => {
      db.del(key);
      if (bytes === "foreign") db.hset(key, "x", Buffer.from("y"));
      else if (bytes !== null) db.set(key, bytes);
      if (expireAt !== null) db.pexpireat(key, expireAt);
      return 1;
    });
  }

  async states(): Promise<{ redis: Map<string, unknown>; memory: Map<string, unknown> }> {
    const redis = new Map<string, unknown>();
    for (const [key, kind, at, content] of (await this.#eval(DUMP, [], [])) as [
      Buffer,
      Buffer,
      number,
      unknown,
    ][]) {
      const shown = String(kind) === "hash" ? pairs(plain(content) as string[]) : plain(content);
      redis.set(String(key), [at, shown]);
    }
    const memory = new Map<string, unknown>();
    for await (const page of this.#store.scan("")) {
      for (const key of page) {
        await this.#inMemory((db) => {
          const left = db.pttl(key);
          let shown: unknown;
          try {
            shown = plain(db.get(key));
          } catch {
            shown = pairs(plain([...db.hgetall(key)].flat()) as string[]);
          }
          memory.set(key, [left < 0 ? left : Math.floor(db.nowMs()) + left, shown]);
          return 1;
        });
      }
    }
    return { redis: new Map([...redis].sort()), memory: new Map([...memory].sort()) };
  }

  #inMemory(step: (db: MemoryDatabase) => AtomicReply): Promise<AtomicReply> {
    return this.#store.run({ name: "twin", lua: "", run: step }, [], []);
  }

  #virtualized(operation: AtomicOperation): string {
    let script = this.#scripts.get(operation.name);
    if (script === undefined) {
      script = `${VIRTUAL_TIME}
local function body()
${operation.lua.replaceAll("redis.call(", "virtual(")}
end
local reply = body()
return {reply, PUBLISHED}`;
      this.#scripts.set(operation.name, script);
    }
    return script;
  }

  #eval(script: string, keys: readonly string[], args: readonly AtomicArgument[]): Promise<unknown> {
    return this.#client.callBuffer("EVAL", script, keys.length, ...keys, ...args);
  }
}

function spying(db: MemoryDatabase, published: string[]): MemoryDatabase {
  return {
    ...db,
    publish(channel, message) {
      published.push(`${channel} ${message.toString()}`);
      return 0;
    },
  };
}

function pairs(flat: readonly string[]): string[][] {
  const found: string[][] = [];
  for (let i = 0; i < flat.length; i += 2) found.push([flat[i] as string, flat[i + 1] as string]);
  return found.sort();
}

/** Bytes one to one, so that nothing is lost in a comparison. */
function plain(reply: unknown): unknown {
  if (Array.isArray(reply)) return reply.map(plain);
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  return typeof reply === "string" ? Buffer.from(reply).toString("latin1") : reply;
}
