import type { AtomicArgument, AtomicOperation, MemoryDatabase, Store } from "@crm/cache-core";
import { memoryStore } from "@crm/cache-core";
import type { Redis } from "ioredis";

/** Runs a script as it is shipped, at a time that the test decides. */
const VIRTUAL_TIME = `
local MICROS = tonumber(KEYS[#KEYS])
local NOW = math.floor(MICROS / 1000)
local function virtual(command, ...)
  local a = {...}
  if command == 'TIME' then return {tostring(math.floor(MICROS / 1000000)), tostring(MICROS % 1000000)} end
  if command == 'PTTL' then
    local at = redis.call('PEXPIRETIME', a[1])
    return at < 0 and at or at - NOW
  end
  return redis.call(command, ...)
end
`;

/** Also clears away what has expired by the virtual time. */
const DUMP = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local at = redis.call('PEXPIRETIME', key)
  if at >= 0 and at <= tonumber(ARGV[1]) then
    redis.call('DEL', key)
  else
    local kind = redis.call('TYPE', key).ok
    local content = kind == 'hash' and redis.call('HGETALL', key) or redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    found[#found + 1] = {key, at, content}
  end
end
return found
`;

/** The same operation in Redis and in memory, at the same time; compared by the caller. */
export class Twins {
  readonly #client: Redis;
  readonly #keys: readonly string[];
  #store: Store = memoryStore();
  #wall = 0;

  constructor(client: Redis, keys: readonly string[]) {
    this.#client = client;
    this.#keys = keys;
  }

  get now(): number {
    return this.#wall;
  }

  async begin(nowMs: number): Promise<void> {
    await this.#client.flushdb();
    this.#wall = nowMs;
    const clock = { wall: () => this.#wall, monotonic: () => 0, after: () => () => {} };
    this.#store = memoryStore({ clock });
  }

  async setTime(nowMs: number): Promise<void> {
    this.#wall = nowMs;
    await this.#client.eval(DUMP, 0, nowMs);
  }

  /** Puts a value of another type in the place of a key. */
  async spoil(key: string): Promise<void> {
    await this.#client.set(key, "x");
    await this.#inMemory((db) => db.set(key, Buffer.from("x")));
  }

  /** Writes a field of a hash. */
  async write(key: string, field: string, value: string): Promise<void> {
    await this.#client.eval("redis.pcall('HSET', KEYS[1], ARGV[1], ARGV[2])", 1, key, field, value);
    await this.#inMemory((db) => {
      try {
        db.hset(key, field, Buffer.from(value));
      } catch {
        // It is of another type, as in Redis.
      }
    });
  }

  async run(operation: AtomicOperation, args: readonly AtomicArgument[]): Promise<[unknown, unknown]> {
    const keys = operation.name === "holdTasks" ? this.#keys.slice(0, 1) : this.#keys;
    const lua = VIRTUAL_TIME + operation.lua.replaceAll(/redis\.p?call\(/g, "virtual(");
    const all = [...keys, String(this.#wall * 1_000 + 500)];
    const inRedis = await this.#client.eval(lua, all.length, ...all, ...args.map(String));
    const inMemory = await this.#store.run(operation, keys, args);
    return [
      { reply: inRedis, state: await this.#redisState() },
      { reply: inMemory, state: await this.#memoryState() },
    ];
  }

  async #redisState(): Promise<unknown> {
    const found = (await this.#client.eval(DUMP, 0, this.#wall)) as [string, number, string[]][];
    return Object.fromEntries(found.map(([key, at, flat]) => [key, { at, content: pairs(flat) }]));
  }

  async #memoryState(): Promise<unknown> {
    const state: Record<string, unknown> = {};
    await this.#inMemory((db) => {
      for (const key of this.#keys) {
        if (!db.exists(key)) continue;
        const left = db.pttl(key);
        const at = left < 0 ? left : left + Math.floor(db.nowMs());
        const flat = key.endsWith(":held")
          ? [...db.hgetall(key)].flatMap(([field, value]) => [field, value.toString("utf8")])
          : db
              .zrangebyscore(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
              .flatMap((member) => [member, String(db.zscore(key, member))]);
        state[key] = { at, content: pairs(flat) };
      }
    });
    return state;
  }

  async #inMemory(look: (db: MemoryDatabase) => void): Promise<void> {
    const run: AtomicOperation["run"] = (db) => {
      look(db);
      return null;
    };
    await this.#store.run({ name: "look", lua: "", run }, [], []);
  }
}

function pairs(flat: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) found[flat[i] as string] = flat[i + 1] as string;
  return found;
}
