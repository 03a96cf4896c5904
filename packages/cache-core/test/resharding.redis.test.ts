// A slot is moved from one primary to another while the cache works on it. Part of a slot group is then here and part
// there, and a node that receives it takes what has not arrived for missing. Scripts refuse until the move is over: what
// would have been acknowledged without having met everything is kept and retried.

import { type RedisCluster, type RedisServer, startRedisCluster, waitFor } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cache, CacheError, createCache, type Store, sessionActions } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";
import { LUA_WHOLE } from "../src/scripts/lua-names.ts";

/** Keys of one slot group. */
function keysOf(cache: Cache, bucket: number, count: number): string[] {
  const { keys } = cache.internals;
  const found: string[] = [];
  for (let i = 0; found.length < count; i++) if (keys.bucketOf(`k${i}`) === bucket) found.push(`k${i}`);
  return found;
}

/** One slot on its way from a primary to another. */
interface Move {
  begin(): Promise<void>;
  /** Moves the named keys, or so many of those that are left; returns how many there were. */
  some(keys: readonly string[] | number): Promise<number>;
  end(): Promise<void>;
}

async function moveOf(cluster: RedisCluster, key: string): Promise<Move> {
  const from = await cluster.nodeOf(key);
  const to = cluster.nodes.find((node) => node !== from) as RedisServer;
  const clients = new Map<RedisServer, Redis>();
  for (const node of cluster.nodes) clients.set(node, await node.client());
  const [source, target] = [clients.get(from) as Redis, clients.get(to) as Redis];
  const slot = await source.cluster("KEYSLOT", key);
  const [sourceId, targetId] = [await source.cluster("MYID" as never), await target.cluster("MYID" as never)];
  return {
    async begin() {
      await target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", sourceId);
      await source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", targetId);
    },
    async some(keys) {
      const names =
        typeof keys === "number" ? ((await source.cluster("GETKEYSINSLOT", slot, keys)) as string[]) : keys;
      if (names.length > 0) await source.call("MIGRATE", to.host, to.port, "", 0, 5_000, "KEYS", ...names);
      return names.length;
    },
    async end() {
      for (const node of [to, from, ...cluster.nodes.filter((each) => each !== to && each !== from)]) {
        await (clients.get(node) as Redis).call("CLUSTER", "SETSLOT", slot, "NODE", targetId);
      }
      await cluster.ready();
      for (const client of clients.values()) client.disconnect();
    },
  };
}

describe("resharding", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster({ nodeTimeoutMs: 20_000 });
  });
  afterAll(() => cluster.stop());

  /** Without the question that scripts begin with. */
  const blind = (store: Store): Store => ({
    ...store,
    run: (operation, keys, args, options) =>
      store.run({ ...operation, lua: operation.lua.replace(LUA_WHOLE, "") }, keys, args, options),
  });

  /** Invalidates while the index of the group has been moved and its entries have not; what is readable after the move. */
  async function halfMoved(
    namespace: string,
    wrap: (store: Store) => Store,
  ): Promise<Record<"ends" | "left" | "again", unknown[]>> {
    const store = redisStore({ nodes: cluster.startupNodes });
    const cache = createCache({ store: wrap(store), namespace, memory: false }).extend(sessionActions());
    const { keys } = cache.internals;
    const [one, two, three] = keysOf(cache, 0, 3) as [string, string, string];
    await cache.set(one, "old", "60s");
    await cache.set(two, "old", { ttl: "60s", tags: ["t"] });
    await cache.set(three, "old", "60s");
    let user = "u";
    while (keys.bucketOf(user) !== 0) user += "u";
    const session = await cache.sessions.create(user, "alive", "60s");
    const move = await moveOf(cluster, keys.index(0));
    await move.begin();
    await move.some([keys.index(0)]);
    const code = (error: unknown): unknown => (CacheError.isInstance(error) ? error.code : error);
    const ends = [
      await cache.del(one).catch(code),
      await cache.invalidateByTag("t").catch(code),
      await cache.invalidatePattern(three.slice(0, -1).concat("*")).catch(code),
      await cache.sessions.destroy(session.id).catch(code),
    ];
    while ((await move.some(100)) > 0);
    await move.end();
    await waitFor(async () => (await cache.getStats()).pendingInvalidations === 0, { timeoutMs: 10_000 });
    const witness = createCache({
      store: redisStore({ nodes: cluster.startupNodes }),
      namespace,
      memory: false,
    }).extend(sessionActions());
    await witness.ready();
    const left = [...(await witness.getMany([one, two, three])), await witness.sessions.read(session.id)];
    const again = [
      await witness.set(one, "new", "60s"),
      await witness.getOrSet(two, () => "new", "60s"),
      await cache.get(two),
    ];
    await cache.close();
    await witness.close();
    return { ends, left, again };
  }

  it("acknowledges no invalidation that may not have met everything, and applies it when the move is over", async () => {
    const { ends, left, again } = await halfMoved("whole", (store) => store);
    const pending = "INVALIDATION_PENDING";
    expect(ends).toEqual([pending, pending, pending, "STORE_UNAVAILABLE"]);
    expect(left.slice(0, 3)).toEqual([null, null, null]);
    // Not acknowledged, so still there.
    expect(left[3]).toMatchObject({ data: "alive" });
    expect(again).toEqual([true, "new", "new"]);
  });

  it("acknowledges what it did not do, without that question", async () => {
    const { ends, left } = await halfMoved("blind", blind);
    expect(ends[0]).toBe(0);
    expect(left[0]).toBe("old");
    expect(ends[3]).toBe(false);
    expect(left[3]).toMatchObject({ data: "alive" });
  });

  it("under way during reads, fills and invalidations: nothing stale, no foreign error, all well after it", async () => {
    const make = (): Cache =>
      createCache({
        store: redisStore({ nodes: cluster.startupNodes, buckets: 2 }),
        namespace: "traffic",
        memory: { maxSilence: "1s" },
      });
    const caches = [make(), make()];
    const [first] = caches as [Cache];
    const names = keysOf(first, 0, 40);
    const truth = new Map(names.map((name) => [name, 0]));
    const acknowledged = new Map(names.map((name) => [name, 0]));
    await Promise.all(caches.map((cache) => cache.ready()));
    let ending = false;
    let reads = 0;
    let answered = 0;
    let pending = 0;
    const stale: string[] = [];
    const foreign: unknown[] = [];
    const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    const pick = (): string => names[Math.floor(Math.random() * names.length)] as string;
    const options = (name: string) => ({ ttl: "60s", tags: [`tag:${names.indexOf(name) % 8}`] }) as const;
    const fetch = (name: string) => async (): Promise<number> => {
      const seen = truth.get(name) as number;
      await pause();
      return seen;
    };
    const readers = Array.from({ length: 12 }, async (_, n) => {
      while (!ending) {
        const name = pick();
        const least = acknowledged.get(name) as number;
        const cache = caches[n % 2] as Cache;
        const value = await (n < 8
          ? cache.getOrSet(name, fetch(name), options(name))
          : cache.get<number>(name)
        ).catch((error) => void foreign.push(error));
        reads++;
        if (typeof value === "number") {
          answered++;
          // In the other process' tier the message may still be on its way: a second is its bound.
          if (value < least && (await lateStill(cache, name, least)))
            stale.push(`${name}: ${value} < ${least}`);
        }
        await pause();
      }
    });
    async function lateStill(cache: Cache, name: string, least: number): Promise<boolean> {
      const entry = await cache.lookup<number>(name);
      return entry !== undefined && entry.value < least;
    }
    const changers = Array.from({ length: 4 }, async (_, n) => {
      // Each its own keys, so that versions are acknowledged in order.
      const own = names.filter((_, i) => i % 4 === n);
      while (!ending) {
        const name = own[Math.floor(Math.random() * own.length)] as string;
        const version = (truth.get(name) as number) + 1;
        truth.set(name, version);
        const cache = caches[n % 2] as Cache;
        const way = Math.floor(Math.random() * 3);
        try {
          if (way === 0) await cache.del(name);
          else if (way === 1) await cache.invalidateByTag(options(name).tags[0] as string);
          else await cache.invalidatePattern(`${name}*`);
          acknowledged.set(name, version);
        } catch (error) {
          if (CacheError.isInstance(error) && error.code === "INVALIDATION_PENDING") {
            pending++;
            expect(error.cause).toMatchObject({ code: "STORE_UNAVAILABLE" });
          } else foreign.push(error);
        }
        await pause();
      }
    });
    const moves = Number(process.env.RESHARDINGS ?? 4);
    for (let round = 0; round < moves; round++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const move = await moveOf(cluster, first.internals.keys.index(0));
      await move.begin();
      // Page by page, and more is written meanwhile.
      while ((await move.some(3)) > 0) await new Promise((resolve) => setTimeout(resolve, 25));
      await move.end();
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    ending = true;
    await Promise.all([...readers, ...changers]);
    for (const cache of caches) {
      await waitFor(async () => (await cache.getStats()).pendingInvalidations === 0, { timeoutMs: 5_000 });
    }
    if (process.env.PROMISE_PRINT) {
      process.stdout.write(`${JSON.stringify({ reads, answered, pending, stale: stale.length, moves })}\n`);
    }
    expect(stale).toEqual([]);
    expect(foreign).toEqual([]);
    expect(pending).toBeGreaterThan(0);
    const [name] = names as [string];
    truth.set(name, 1e9);
    expect(await first.del(name)).toBeGreaterThanOrEqual(0);
    for (const cache of caches) {
      expect(await cache.getOrSet(name, () => 1e9, options(name))).toBe(1e9);
      expect((await cache.lookup(name))?.value).toBe(1e9);
    }
    await Promise.all(caches.map((cache) => cache.close()));
  }, 120_000);
});
