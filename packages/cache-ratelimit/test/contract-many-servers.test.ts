import { createCache, type Store } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  commandStats,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  startClusterProxies,
  startRedisCluster,
  startRedisSentinel,
  waitFor,
} from "@crm/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createRateLimiter, rateLimitActions } from "../src/index.ts";
import { LUA_WHOLE } from "../src/scripts/lua-library.ts";
import { describeRateLimiter } from "../src/testing/index.ts";

const runner = { describe, it, expect, beforeEach, afterEach };
/** Patient: the machine may be busy with other suites, and what a deadline does is tested elsewhere. */
const PATIENT = { commandTimeout: "5s" } as const;

describe("on Sentinel", () => {
  let sentinel: RedisSentinel;
  beforeAll(async () => {
    sentinel = await startRedisSentinel();
  });
  afterAll(() => sentinel.stop());
  describeRateLimiter(
    "sentinel",
    () => ({ store: redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name, ...PATIENT }) }),
    runner,
  );
});

describe("on a Cluster of three", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster.stop());
  describeRateLimiter(
    "cluster",
    () => ({ store: redisStore({ nodes: cluster.startupNodes, ...PATIENT }) }),
    runner,
  );

  it("no command met keys of two slots, none looked at all keys", async () => {
    for (const node of cluster.nodes) {
      const client = await node.client();
      expect(await client.info("errorstats")).not.toContain("CROSSSLOT");
      expect((await commandStats(client)).get("keys")).toBe(undefined);
    }
  });

  it("a call under way when the connection to its node breaks is counted once", async () => {
    await using through = await startClusterProxies(cluster);
    const { startupNodes, natMap, proxies } = through;
    const cache = createCache({
      store: redisStore({ nodes: startupNodes, clusterOptions: { natMap }, ...PATIENT }),
      namespace: "broken",
    }).extend(rateLimitActions({ whenUnavailable: "closed" }));
    const witness = createCache({
      store: redisStore({ nodes: cluster.startupNodes, ...PATIENT }),
      namespace: "broken",
    }).extend(rateLimitActions());
    const hits = async (): Promise<number> => (await witness.getRateLimitInfo("u", 100)).count;
    const turn = (calls: number) =>
      Promise.all(Array.from({ length: calls }, () => cache.checkRateLimit("u", 100, "1h")));
    // The node knows both scripts from here on, that of one call and that of many.
    await waitFor(async () => (await turn(1))[0]?.allowed);
    await turn(3);
    const before = await hits();
    for (const proxy of proxies) proxy.setLatency(1_200);
    const flying = turn(20);
    await waitFor(async () => (await hits()) === before + 20, { timeoutMs: 10_000 });
    await Promise.all(proxies.map((proxy) => proxy.cut()));
    await through.heal();
    // Nobody can say whether it was counted.
    expect((await flying).filter(({ allowed }) => allowed)).toEqual([]);
    expect(await hits()).toBe(before + 20);
    await waitFor(async () => (await turn(1))[0]?.allowed, { timeoutMs: 10_000 });
    await cache.close();
    await witness.close();
  }, 30_000);

  /** What is decided while the slot of a subject that was counted is on its way to another node, and what is left after it. */
  async function whileMoved(
    name: string,
    wrap: (store: Store) => Store,
  ): Promise<{ decidedBy: string[]; blocked: unknown; after: number[] }> {
    const cache = createCache({
      store: wrap(redisStore({ nodes: cluster.startupNodes, commandTimeout: "1s" })),
      namespace: name,
    });
    const day = { limit: 9, window: "1d", whenUnavailable: "closed" } as const;
    const rules = { a: day, b: { ...day, algorithm: "sliding-counter" } } as const;
    const limiter = createRateLimiter(cache, rules, { denyCache: false });
    for (let n = 0; n < 3; n++) await limiter.check("u");
    const { keys } = cache.internals;
    const move = await moveSlot(`${keys.base}q${keys.hashTag(keys.bucketOf("u"))}:`);
    const decidedBy = [await limiter.peek("u"), await limiter.check("u")].map((result) => result.decidedBy);
    const blocked = await limiter.block("u", "1d").then(
      ({ allowed }) => allowed,
      ({ code }) => code,
    );
    await move();
    await waitFor(async () => (await limiter.peek("u")).decidedBy === "store");
    const after = (await limiter.peek("u")).limits.map(({ remaining }) => remaining);
    await limiter.close();
    await cache.close();
    return { decidedBy, blocked, after };
  }

  /** Begins to move the slot of a key to another node, and returns how to end it. */
  async function moveSlot(key: string): Promise<() => Promise<void>> {
    const from = await cluster.nodeOf(key);
    const to = cluster.nodes.find((node) => node !== from) as RedisServer;
    const [source, target] = [await from.client(), await to.client()];
    const slot = await source.cluster("KEYSLOT", key);
    const targetId = await target.cluster("MYID" as never);
    await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", await source.cluster("MYID" as never));
    await source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", targetId);
    return async () => {
      const names = (await source.cluster("GETKEYSINSLOT", slot, 100)) as string[];
      await source.call("MIGRATE", to.host, to.port, "", 0, 5_000, "REPLACE", "KEYS", ...names);
      for (const node of [to, from, ...cluster.nodes]) {
        await (await node.client()).call("CLUSTER", "SETSLOT", slot, "NODE", targetId);
      }
      await cluster.ready();
    };
  }

  it("while a slot is moved, the policies decide: nobody is counted anew on the node that receives it", async () => {
    expect(await whileMoved("moved", (store) => store)).toEqual({
      decidedBy: ["policy", "policy"],
      blocked: "STORE_UNAVAILABLE",
      after: [6, 6],
    });
  });

  it("the control, without that question, counts anew and blocks nobody", async () => {
    const blind = (store: Store): Store => ({
      ...store,
      run: (operation, ...rest) =>
        store.run({ ...operation, lua: operation.lua.replace(LUA_WHOLE, "") }, ...rest),
    });
    expect(await whileMoved("blind", blind)).toEqual({
      decidedBy: ["store", "store"],
      blocked: false,
      after: [6, 6],
    });
  });
});
