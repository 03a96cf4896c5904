import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type Cache,
  CacheError,
  createCache,
  memoryStore,
  type Store,
  sessionActions,
  storeFromEnv,
} from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

type Call = (
  cache: Cache & { sessions: ReturnType<ReturnType<typeof sessionActions>>["sessions"] },
) => unknown;

/** What a program without types may pass. */
const any = (value: unknown): never => value as never;
const circular: { self?: unknown } = {};
circular.self = circular;
class Company {}

const KEYS: Record<string, unknown> = {
  empty: "",
  "too long": "k".repeat(1_025),
  "too long in UTF-8": "š".repeat(513),
  "a line break": "a\nb",
  NUL: "a\0b",
  DEL: "a\u007f",
  "a C1 control": "a\u0085",
  "a lone surrogate": "a\ud800b",
  undefined: undefined,
  null: null,
  "a number": 42,
  "an object": { id: 1 },
  "an array": ["a"],
};
const TTLS: Record<string, unknown> = {
  zero: 0,
  negative: -1,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "beyond ten years": 315_360_001,
  "no unit": "10",
  "an unknown unit": "10w",
  "a negative text": "-5s",
  "the zero text": "0s",
  "an empty text": "",
  true: true,
  "a Date": new Date(0),
  null: null,
};
const VALUES: Record<string, unknown> = {
  circular,
  "a function": { rows: [{ load: () => 1 }] },
  "a symbol": { a: { b: Symbol("x") } },
  "an instance": { list: [new Company()] },
  "a hole": { list: new Array(3) },
};

const CALLS: Record<string, Call> = {};
for (const [name, key] of Object.entries(KEYS)) {
  CALLS[`get, key: ${name}`] = (cache) => cache.get(any(key));
}
for (const [name, key] of Object.entries({ empty: "", control: "a\tb", number: 7 })) {
  Object.assign(CALLS, {
    [`set, key: ${name}`]: (cache) => cache.set(any(key), 1, 60),
    [`getMany, key: ${name}`]: (cache) => cache.getMany(["ok", any(key)]),
    [`setMany, key: ${name}`]: (cache) =>
      cache.setMany([
        { key: "ok", value: 1 },
        { key: any(key), value: 1 },
      ]),
    [`del, key: ${name}`]: (cache) => cache.del("ok", any(key)),
    [`exists, key: ${name}`]: (cache) => cache.exists(any(key)),
    [`lookup, key: ${name}`]: (cache) => cache.lookup(any(key)),
    [`getOrSet, key: ${name}`]: (cache) => cache.getOrSet(any(key), () => 1),
    [`getOrSetMany, key: ${name}`]: (cache) => cache.getOrSetMany(["ok", any(key)], async () => [1, 2]),
    [`getWithStale, key: ${name}`]: (cache) => cache.getWithStale(any(key), () => 1, 1, 2),
    [`lease, key: ${name}`]: (cache) => cache.lease(any(key)),
    [`invalidate, key: ${name}`]: (cache) => cache.invalidate([any(key)]),
    [`explain, key: ${name}`]: (cache) => cache.explain(any(key)),
    [`invalidateByTag: ${name}`]: (cache) => cache.invalidateByTag(any(key)),
    [`set, tag: ${name}`]: (cache) => cache.set("k", 1, { tags: ["ok", any(key)] }),
    [`setWithTags, tag: ${name}`]: (cache) => cache.setWithTags("k", 1, [any(key)]),
    [`getOrSet, tag: ${name}`]: (cache) => cache.getOrSet("k", () => 1, { tags: [any(key)] }),
    [`addTags: ${name}`]: (cache) => cache.getOrSet("k", (context) => context.addTags(any(key))),
    [`invalidatePattern: ${name}`]: (cache) => cache.invalidatePattern(any(key)),
    [`publish, channel: ${name}`]: (cache) => cache.publish(any(key), 1),
    [`subscribe, channel: ${name}`]: (cache) => cache.subscribe(any(key), () => {}),
    [`scope: ${name}`]: (cache) => cache.scope(any(key)),
    [`sessions.create, user: ${name}`]: (cache) => cache.sessions.create(any(key), {}, 60),
    [`sessions.list, user: ${name}`]: (cache) => cache.sessions.list(any(key)),
    [`sessions.destroyAll, user: ${name}`]: (cache) => cache.sessions.destroyAll(any(key)),
  } satisfies Record<string, Call>);
}
for (const [name, ttl] of Object.entries(TTLS))
  CALLS[`set, TTL: ${name}`] = (cache) => cache.set("k", 1, any(ttl));
for (const [name, value] of Object.entries(VALUES)) {
  CALLS[`set, value: ${name}`] = (cache) => cache.set("k", value);
}
Object.assign(CALLS, {
  "set, undefined": (cache) => cache.set("k", undefined),
  "setMany, one undefined": (cache) =>
    cache.setMany([
      { key: "a", value: 1 },
      { key: "b", value: undefined },
    ]),
  "setMany, no array": (cache) => cache.setMany(any({ key: "a", value: 1 })),
  "setMany, an entry that is none": (cache) => cache.setMany([any(null)]),
  "getMany, no array": (cache) => cache.getMany(any("k")),
  "set, 65 tags": (cache) => cache.set("k", 1, { tags: Array.from({ length: 65 }, (_, i) => `t${i}`) }),
  "set, tags no array": (cache) => cache.set("k", 1, { tags: any("t") }),
  "setWithTags, no tags": (cache) => cache.setWithTags("k", 1, any(undefined)),
  "scope, too long": (cache) => cache.scope("s".repeat(129)),
  "set, options.ttl": (cache) => cache.set("k", 1, { ttl: 0 }),
  "set, options.staleTtl": (cache) => cache.set("k", 1, { staleTtl: -1 }),
  "set, options.jitter": (cache) => cache.set("k", 1, { jitter: 0.6 }),
  "set, an option misspelt": (cache) => cache.set("k", 1, any({ tag: ["t"] })),
  "setMany, an option misspelt": (cache) => cache.setMany([any({ key: "k", value: 1, tll: 5 })]),
  "getOrSet, an option misspelt": (cache) => cache.getOrSet("k", () => 1, any({ ttl: 5, stale: 10 })),
  "getOrSetMany, an option misspelt": (cache) =>
    cache.getOrSetMany(["k"], async () => [1], any({ Tags: ["t"] })),
  "invalidateByTag, an option misspelt": (cache) => cache.invalidateByTag("t", any({ softly: true })),
  "invalidatePattern, options": (cache) => cache.invalidatePattern("a:*", any("soft")),
  "getOrSet, options.nullTtl": (cache) => cache.getOrSet("k", () => 1, { nullTtl: any("soon") }),
  "getOrSet, options.earlyRefresh": (cache) => cache.getOrSet("k", () => 1, { earlyRefresh: -1 }),
  "getOrSet, soft not below hard": (cache) =>
    cache.getOrSet("k", () => 1, { softTimeout: 2, hardTimeout: 1 }),
  "getOrSet, TTL": (cache) => cache.getOrSet("k", () => 1, any(-1)),
  "getOrSet, no fetcher": (cache) => cache.getOrSet("k", any(Promise.resolve(1))),
  "getOrSet, no schema": (cache) => cache.getOrSet("k", () => 1, { schema: any({ parse() {} }) }),
  "get, no schema": (cache) => cache.get("k", { schema: any("schema") }),
  "getOrSet, no signal": (cache) => cache.getOrSet("k", () => 1, { signal: any({ aborted: false }) }),
  "getOrSet, setTtl": (cache) => cache.getOrSet("k", (context) => context.setTtl(0)),
  "getOrSetMany, no fetcher": (cache) => cache.getOrSetMany(["k"], any(null)),
  "getOrSetMany, one value too few": (cache) => cache.getOrSetMany(["a", "b"], async () => [1]),
  "getWithStale, stale below fresh": (cache) => cache.getWithStale("k", () => 1, 10, 5),
  "getWithStale, no TTL": (cache) => cache.getWithStale("k", () => 1, any(undefined), 5),
  "invalidate, soft": (cache) => cache.invalidate("k", { soft: any("yes") }),
  "lease, fill undefined": async (cache) => {
    await using lease = await cache.lease("k");
    await lease.fill(undefined);
  },
  "lease, fill TTL": async (cache) => {
    await using lease = await cache.lease("k");
    await lease.fill(1, 0);
  },
  "getOrSet, its own key in the fetcher": (cache) => cache.getOrSet("k", () => cache.getOrSet("k", () => 1)),
  "on, no such event": async (cache) => cache.on(any("entry:hits"), () => {}),
  "on, no handler": async (cache) => cache.on("entry:hit", any(undefined)),
  "publish, undefined": (cache) => cache.publish("c", undefined),
  "publish, circular": (cache) => cache.publish("c", circular),
  "subscribe, no handler": (cache) => cache.subscribe("c", any(undefined)),
  "subscribe, onGap": (cache) => cache.subscribe("c", () => {}, { onGap: any(1) }),
  "extend, a name that exists": (cache) => cache.extend(() => ({ get: 1 })),
  "extend, no function": (cache) => cache.extend(any({})),
  "sessions.create, TTL": (cache) => cache.sessions.create("u", {}, 0),
  "sessions.create, data": (cache) => cache.sessions.create("u", { f() {} }, 60),
  "sessions.read, no text": (cache) => cache.sessions.read(any(1)),
} satisfies Record<string, Call>);

const STORES: [string, () => Store][] = [
  ["memory", () => memoryStore()],
  ["redis", () => redisStore({ url: redis.url, commandTimeout: "5s", invalidationTimeout: "10s" })],
];
let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe.each(STORES)("bad input, on %s", (storeName, makeStore) => {
  let cache: Parameters<Call>[0];
  beforeEach(async () => {
    const namespace = `bad-input-${process.pid}`;
    cache = createCache({ store: makeStore(), namespace }).extend(sessionActions());
    await cache.ready();
  });
  afterEach(() => cache.close());

  it("is refused with a stable code, by name, with what to do; and nothing is written", async () => {
    const messages: string[] = [];
    for (const [name, call] of Object.entries(CALLS)) {
      const error = await outcome(() => call(cache));
      expect(CacheError.isInstance(error), `${name}: ${String(error)}`).toBe(true);
      const { code, message } = error as CacheError;
      messages.push(`${name}\n  ${code}: ${message}`);
      const left: string[] = [];
      for await (const page of cache.internals.store.scan(cache.internals.keys.base)) left.push(...page);
      // A lease that was taken to be filled leaves the index that knew of it, or the mark that it is empty.
      expect(
        left.filter((key) => key !== cache.internals.keys.index(0)),
        name,
      ).toEqual([]);
    }
    // One file for all stores: they say the same.
    await expect(messages.join("\n\n")).toMatchFileSnapshot("__snapshots__/bad-input.txt");
    expect(storeName).toBeTypeOf("string");
  });

  it("leaves what was there", async () => {
    await cache.set("k", "before", { ttl: 60, tags: ["t"] });
    for (const [name, call] of Object.entries(CALLS)) {
      if (name.startsWith("lease") || name === "getOrSet, no signal") continue;
      await outcome(() => call(cache));
      expect(await cache.lookup("k"), name).toMatchObject({ value: "before", state: "fresh", tags: ["t"] });
    }
    await cache.clear();
  });
});

describe("bad options", () => {
  it("are refused when the cache or the store is made", async () => {
    const store = memoryStore();
    const makers: Record<string, () => unknown> = {
      nothing: () => createCache(any(undefined)),
      "no store": () => createCache(any({})),
      "a store of another version": () => createCache({ store: any({ specVersion: 2 }) }),
      namespace: () => createCache({ store, namespace: "a b" }),
      "empty namespace": () => createCache({ store, namespace: "" }),
      memory: () => createCache({ store, memory: any("yes") }),
      "memory.maxEntries": () => createCache({ store, memory: { maxEntries: 0 } }),
      "memory.maxBytes": () => createCache({ store, memory: { maxBytes: 1.5 } }),
      "memory.ttl": () => createCache({ store, memory: { ttl: 0 } }),
      leaseTtl: () => createCache({ store, leaseTtl: "100ms" }),
      "leaseTtl text": () => createCache({ store, leaseTtl: any("long") }),
      "defaults.ttl": () => createCache({ store, defaults: { ttl: -1 } }),
      "defaults null": () => createCache({ store, defaults: any(null) }),
      "an option misspelt": () => createCache(any({ store, nameSpace: "a" })),
      "defaults, an option misspelt": () => createCache({ store, defaults: any({ expires: 5 }) }),
      "memory, an option misspelt": () => createCache({ store, memory: any({ max: 5 }) }),
      "compression, an option misspelt": () => createCache({ store, compression: any({ level: 5 }) }),
      "compression null": () => createCache({ store, compression: any(null) }),
      "compression text": () => createCache({ store, compression: any("brotli") }),
      "compression.algorithm": () => createCache({ store, compression: { algorithm: any("zip") } }),
      "compression.thresholdBytes": () => createCache({ store, compression: { thresholdBytes: 0 } }),
      codec: () => createCache({ store, codec: any({ id: 1 }) }),
      "codec id": () => createCache({ store, codec: any({ id: 16, name: "x", encode() {}, decode() {} }) }),
      logger: () => createCache({ store, logger: any(console.log) }),
      clock: () => createCache({ store, clock: any(Date) }),
      random: () => createCache({ store, random: any(0.5) }),
      "redis: two servers": () => redisStore({ url: "redis://a", host: "b" }),
      "redis: commandTimeout": () => redisStore({ host: "127.0.0.1", commandTimeout: "1ms" }),
      "redis: invalidationTimeout": () => redisStore({ host: "127.0.0.1", invalidationTimeout: 61 }),
    };
    const messages: string[] = [];
    for (const [name, make] of Object.entries(makers)) {
      const error = await outcome(make);
      expect(CacheError.isInstance(error), `${name}: ${String(error)}`).toBe(true);
      messages.push(`${name}\n  ${(error as CacheError).code}: ${(error as CacheError).message}`);
    }
    await expect(messages.join("\n\n")).toMatchFileSnapshot("__snapshots__/bad-options.txt");
    // Nobody was left holding the store open.
    const cache = createCache({ store });
    await cache.close();
    expect(store.available).toBe(false);
  });

  it("of the environment are refused by name, and no password is shown", async () => {
    const secret = "hunter2-$ecret";
    const environments: Record<string, string>[] = [
      { REDIS_URL: `http://user:${secret}@host` },
      { REDIS_URL: `redis://user:${secret}@host:99999` },
      { REDIS_URL: `redis://user:${secret}@` },
      { REDIS_URL: `redis://:${secret}@host`, REDIS_HOST: "other" },
      { REDIS_HOST: "host", REDIS_PORT: "none", REDIS_PASSWORD: secret },
      { REDIS_HOST: "host", REDIS_DB: "-1", REDIS_PASSWORD: secret },
      { REDIS_PASSWORD: secret },
      { REDIS_SENTINELS: "host", REDIS_PASSWORD: secret },
    ];
    const messages: string[] = [];
    for (const env of environments) {
      const error = await outcome(() => storeFromEnv(env));
      expect(CacheError.isInstance(error), `${Object.keys(env)}: ${String(error)}`).toBe(true);
      const shown = `${(error as CacheError).code}: ${(error as CacheError).message}`;
      expect(`${shown} ${String((error as CacheError).stack)} ${JSON.stringify(error)}`).not.toContain(
        secret,
      );
      messages.push(`${Object.keys(env).join(", ")}\n  ${shown}`);
    }
    await expect(messages.join("\n\n")).toMatchFileSnapshot("__snapshots__/bad-environment.txt");
  });
});

async function outcome(call: () => unknown): Promise<unknown> {
  try {
    const value = await call();
    // What was made by mistake must not keep the test open.
    if (typeof (value as Store | undefined)?.close === "function") await (value as Store).close();
    return `no error, but ${typeof value}`;
  } catch (error) {
    return error;
  }
}
