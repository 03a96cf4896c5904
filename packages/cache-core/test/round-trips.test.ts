import { commandStats, diffCommandStats, type RedisServer, startRedis } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

/** What the table of round trips in the README says, counted by the server. */
describe("round trips", () => {
  let redis: RedisServer;
  let observer: Redis;
  let cache: Cache;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
    observer = await redis.client();
    cache = createCache({ store: redisStore({ url: redis.url, commandTimeout: "5s" }), namespace: "count" });
    await cache.ready();
    // Scripts are loaded, and the index known as complete, before anything is counted.
    await cache.getOrSetMany(["w1", "w2"], async (keys) => [...keys], 60);
    await cache.set("w3", 1, { tags: ["w"] });
    await cache.invalidateByTag("w");
    await cache.invalidatePattern("w*");
    await cache.del("w");
    await cache.clear();
    for (let n = 0; n < 8; n++) await cache.set("w", n, 60);
  });
  afterAll(async () => {
    await cache.close();
    await redis.stop();
  });

  /** Commands from outside: those that a script calls are counted apart from `evalsha`. */
  async function count(
    work: () => Promise<unknown>,
  ): Promise<{ get: number; mget: number; evalsha: number }> {
    const before = await commandStats(observer);
    await work();
    const ran = diffCommandStats(before, await commandStats(observer));
    expect([ran.get("keys"), ran.get("scan"), ran.get("eval")]).toEqual([undefined, undefined, undefined]);
    return { get: ran.get("get") ?? 0, mget: ran.get("mget") ?? 0, evalsha: ran.get("evalsha") ?? 0 };
  }

  it("a hit is one GET and nothing else", async () => {
    await cache.set("k", 1, 60);
    expect(await count(() => cache.get("k"))).toEqual({ get: 1, mget: 0, evalsha: 0 });
    expect(await count(() => cache.getOrSet("k", () => 2, 60))).toEqual({ get: 1, mget: 0, evalsha: 0 });
    const ran = diffCommandStats(
      await commandStats(observer),
      await cache.get("k").then(() => commandStats(observer)),
    );
    expect([...ran.keys()]).toEqual(["get"]);
  });

  it("callers of one turn share one GET", async () => {
    expect(await count(() => Promise.all([1, 2, 3].map(() => cache.get("k"))))).toMatchObject({ get: 1 });
  });

  it("a miss is one GET, one script before the fetch and one after it", async () => {
    const scripts: number[] = [];
    // One write of 48 is followed by the cleaning of a page.
    for (let n = 0; n < 48; n++) {
      const { evalsha } = await count(() => cache.getOrSet(`miss${n}`, () => n, 60));
      scripts.push(evalsha);
    }
    expect(scripts.filter((each) => each === 2).length).toBe(47);
    expect(scripts.filter((each) => each === 3).length).toBe(1);
  });

  it("in a cold cache a miss is two scripts, until something is found", async () => {
    for (let n = 0; n < 32; n++) await cache.getOrSet(`cold${n}`, () => n, 60);
    let gets = 0;
    for (let n = 32; n < 48; n++) gets += (await count(() => cache.getOrSet(`cold${n}`, () => n, 60))).get;
    expect(gets).toBe(0);
    // Found by the script, as it would be by a GET.
    expect(await count(() => cache.getOrSet("cold1", () => 2, 60))).toMatchObject({ get: 0, evalsha: 1 });
    expect((await count(() => cache.getOrSet("cold48", () => 48, 60))).get).toBe(1);
  });

  it("many keys are one MGET, and two scripts for up to 16 that are missing", async () => {
    const keys = Array.from({ length: 16 }, (_, i) => `many${i}`);
    const cold = await count(() => cache.getOrSetMany(keys, async (asked) => [...asked], 60));
    // The lease script looks at entries and leases with an MGET of its own.
    expect(cold.evalsha).toBeLessThanOrEqual(2 + 2);
    expect(await count(() => cache.getMany(keys))).toEqual({ get: 0, mget: 1, evalsha: 0 });
  });

  it("an invalidation of up to 1,000 entries is one script", async () => {
    await cache.setMany(Array.from({ length: 1_000 }, (_, i) => ({ key: `i${i}`, value: i, tags: ["t"] })));
    expect((await count(() => cache.invalidatePattern("i1*"))).evalsha).toBe(1);
    expect((await count(() => cache.invalidateByTag("t"))).evalsha).toBe(1);
    expect((await count(() => cache.del("a", "b", "c"))).evalsha).toBe(1);
  });
});
