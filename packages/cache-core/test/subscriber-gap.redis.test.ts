// A subscriber's connection that dies without a word is noticed, replaced and subscribed again, and whoever listened is
// told that messages may be missing. The control arm is a subscriber as ioredis has it.

import {
  commandStats,
  diffCommandStats,
  type FaultProxy,
  type RedisCluster,
  type RedisServer,
  startClusterProxies,
  startFaultProxy,
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  waitFor,
} from "@crm/testkit";
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCache } from "../src/index.ts";
import { type RedisLike, redisStore } from "../src/redis/index.ts";
import type { Store } from "../src/store.ts";

/** A heartbeat, its patience, and a second. */
const LIMIT_MS = 1_000 + 200 + 1_000;
const FAULTS = {
  "half-open": (proxy: FaultProxy) => proxy.halfOpen(),
  "black hole, packets held": (proxy: FaultProxy) => proxy.blackHole(),
  "black hole, packets lost": (proxy: FaultProxy) => proxy.blackHole({ packets: "drop" }),
} as const;

/** How long after healing the first message sent since was heard, in ms. */
async function heardAfterHealing(
  store: Store,
  proxies: readonly FaultProxy[],
  fault: (proxy: FaultProxy) => void,
  publish: (channel: string, message: string) => Promise<unknown>,
): Promise<{ ms: number; gaps: number }> {
  const channel = `c${Math.random()}`;
  const heard: string[] = [];
  let gaps = 0;
  const end = await store.subscribe(
    channel,
    (message) => heard.push(message),
    () => void gaps++,
  );
  await publish(channel, "well");
  await waitFor(() => heard.includes("well"));
  expect(gaps).toBe(0);
  for (const proxy of proxies) fault(proxy);
  // Long enough to be noticed, also after a message that spared a heartbeat.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  await Promise.all(proxies.map((proxy) => proxy.heal()));
  const healedAt = performance.now();
  await waitFor(
    async () => {
      await publish(channel, "healed");
      return heard.includes("healed");
    },
    { timeoutMs: 10_000 },
  );
  const ms = performance.now() - healedAt;
  await waitFor(() => gaps > 0, { timeoutMs: 1_000 });
  await end();
  return { ms, gaps };
}

describe("one server", () => {
  let redis: RedisServer;
  let publisher: Redis;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
    publisher = await redis.client();
  });
  afterAll(() => redis.stop());

  /** A store whose commands are well and whose subscriber goes through a proxy. */
  function storeOf(make: (port: number, options: object) => RedisLike, proxy: FaultProxy): Store {
    const client = make(redis.port, {});
    client.duplicate = ((options: object) => make(proxy.port, options)) as never;
    const store = redisStore({ client });
    const close = store.close;
    return Object.assign(store, {
      async close() {
        await close();
        client.disconnect();
      },
    });
  }
  const clients: Record<string, (port: number, options: object) => RedisLike> = {
    "ioredis 6, RESP2": (port, options) => new Redis(port, "127.0.0.1", { protocol: 2, ...options }),
    "ioredis 6, RESP3": (port, options) => new Redis(port, "127.0.0.1", { protocol: 3, ...options }),
    "ioredis 5": (port, options) => new Redis5(port, "127.0.0.1", options) as unknown as RedisLike,
  };

  for (const [client, make] of Object.entries(clients)) {
    it(`${client}: messages arrive again soon after each fault, and the gap is reported`, async () => {
      const times = await Promise.all(
        Object.values(FAULTS).map(async (fault) => {
          await using proxy = await startFaultProxy({ target: redis });
          const store = storeOf(make, proxy);
          const { ms } = await heardAfterHealing(store, [proxy], fault, (channel, message) =>
            publisher.publish(channel, message),
          );
          await store.close();
          return Math.round(ms);
        }),
      );
      if (process.env.PROMISE_PRINT) process.stdout.write(`${client}: ${times}\n`);
      expect(Math.max(...times)).toBeLessThan(LIMIT_MS);
    });
  }

  it("without a heartbeat such a subscriber stays deaf for good", async () => {
    await using proxy = await startFaultProxy({ target: redis });
    const plain = new Redis(proxy.url);
    plain.on("error", () => {});
    const heard: string[] = [];
    plain.on("message", (_channel, message) => heard.push(message));
    await plain.subscribe("deaf");
    proxy.halfOpen();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await proxy.heal();
    const until = performance.now() + LIMIT_MS + 500;
    while (performance.now() < until) {
      await publisher.publish("deaf", "healed");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(heard).toEqual([]);
    plain.disconnect();
  });

  it("who waits for another process's fill asks again after a gap, long before the lease ends", async () => {
    await using proxy = await startFaultProxy({ target: redis });
    const options = { namespace: "gap", leaseTtl: "20s", memory: false } as const;
    const holder = createCache({ store: redisStore({ url: redis.url }), ...options });
    const waiterStore = storeOf(clients["ioredis 6, RESP3"] as never, proxy);
    const waiter = createCache({ store: waiterStore, ...options });
    let finish: (value: string) => void = () => {};
    const held = holder.getOrSet("k", () => new Promise<string>((resolve) => (finish = resolve)), "60s");
    await waitFor(() => publisher.hexists("gap:1l", "k"));
    const waiting = waiter.getOrSet("k", () => "the waiter's own", "60s");
    await waitFor(async () => ((await publisher.hget("gap:1l", "k")) ?? "").split("|")[4] !== "");
    proxy.halfOpen();
    finish("the holder's");
    await held;
    await proxy.heal();
    const began = performance.now();
    expect(await waiting).toBe("the holder's");
    expect(performance.now() - began).toBeLessThan(LIMIT_MS);
    await holder.close();
    await waiter.close();
    await waiterStore.close();
  });

  it("a cache's subscriber is told of the gap, too", async () => {
    await using proxy = await startFaultProxy({ target: redis });
    const store = storeOf(clients["ioredis 6, RESP3"] as never, proxy);
    const cache = createCache({ store, namespace: "gap", memory: false });
    let gaps = 0;
    const end = await cache.subscribe("news", () => {}, { onGap: () => void gaps++ });
    await proxy.cut();
    await proxy.heal();
    await waitFor(() => gaps === 1);
    await end();
    await cache.close();
    await store.close();
  });

  it("costs at most one command a second, none without a subscription", async () => {
    const store = redisStore({ url: redis.url });
    await store.ready();
    const pings = async (ms: number): Promise<number> => {
      const before = await commandStats(publisher);
      await new Promise((resolve) => setTimeout(resolve, ms));
      return diffCommandStats(before, await commandStats(publisher)).get("ping") ?? 0;
    };
    expect(await pings(1_200)).toBe(0);
    const end = await store.subscribe("quiet", () => {});
    const counted = await pings(3_500);
    expect(counted).toBeGreaterThanOrEqual(2);
    expect(counted).toBeLessThanOrEqual(4);
    await end();
    expect(await pings(1_200)).toBe(0);
    await store.close();
  });
});

describe("Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ nodeTimeoutMs: 20_000 });
  });
  afterAll(() => cluster.stop());

  it("messages arrive again after each fault, and the gap is reported", async () => {
    const publisher = await cluster.client();
    const versions = { "ioredis 6": Cluster, "ioredis 5": Cluster5 as unknown as typeof Cluster };
    await Promise.all(
      Object.entries(versions).map(async ([version, make]) => {
        await using through = await startClusterProxies(cluster);
        const { startupNodes, natMap, proxies } = through;
        const client = new make([...startupNodes], { natMap, clusterRetryStrategy: () => 50 });
        client.on("error", () => {});
        const store = redisStore({ client: client as unknown as RedisLike });
        await waitFor(() => store.available);
        for (const [name, fault] of Object.entries(FAULTS)) {
          const { ms } = await heardAfterHealing(store, proxies, fault, (channel, message) =>
            publisher.publish(channel, message),
          );
          if (process.env.PROMISE_PRINT) process.stdout.write(`Cluster, ${version}, ${name}: ${ms}\n`);
          expect(ms, `${version}, ${name}`).toBeLessThan(LIMIT_MS);
        }
        await store.close();
        client.disconnect();
      }),
    );
  }, 60_000);

  it("a node that leaves the Cluster is left", async () => {
    const nodes = [...(await cluster.client()).nodes("master")];
    // A stand-in for the client: it can be told which nodes there are.
    let known: Redis[] = nodes.slice(0, 1);
    const client = await cluster.client();
    client.nodes = () => known;
    const store = redisStore({ client: client as unknown as RedisLike });
    let gaps = 0;
    const end = await store.subscribe(
      "moving",
      () => {},
      () => void gaps++,
    );
    known = nodes.slice(1);
    await waitFor(() => gaps === 1, { timeoutMs: 4_000 });
    await end();
    await store.close();
  });
});

describe("Sentinel", () => {
  it("messages arrive again after a fail-over, and the gap is reported", async () => {
    await using sentinel = await startRedisSentinel();
    const store = redisStore({ sentinels: sentinel.sentinelAddresses, name: sentinel.name });
    const heard: string[] = [];
    let gaps = 0;
    const end = await store.subscribe(
      "c",
      (message) => heard.push(message),
      () => void gaps++,
    );
    const old = await sentinel.primary();
    await old.pause();
    const primary = await sentinel.promoted(old);
    const publisher = await primary.client();
    await waitFor(
      async () => {
        await publisher.publish("c", "after");
        return heard.includes("after");
      },
      { timeoutMs: 5_000 },
    );
    await waitFor(() => gaps > 0);
    await end();
    await store.close();
    await old.resume();
  }, 60_000);
});
