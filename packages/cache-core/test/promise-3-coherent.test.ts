// Promise 3: the in-process tier is coherent or silent. `PROMISE_FULL=1` adds a cut of 30 s.

import "@crm/testkit/setup-guards";
import {
  type FaultProxy,
  type RedisServer,
  spawnWorker,
  startFaultProxy,
  startRedis,
  type Worker,
  waitFor,
} from "@crm/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cache, createCache, memoryStore } from "../src/index.ts";
import { type RedisLike, redisStore } from "../src/redis/index.ts";

const FULL = process.env.PROMISE_FULL === "1";
const NAMESPACE = "p3";
const BUS = `${NAMESPACE}:1b`;
/** More than the bus remembers: the tier has to forget everything. */
const MANY = 1_000;
/** What the bus remembers wholly: the tier can catch up. */
const SOME = 500;
const KEPT = 200;
const MAX_SILENCE = 1_000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let redis: RedisServer;
let proxy: FaultProxy;
let changer: Worker;
let admin: Redis;

beforeAll(async () => {
  redis = await startRedis({ control: true });
  proxy = await startFaultProxy({ target: redis });
  admin = await redis.client();
  changer = await spawnWorker(new URL("./workers/changer.ts", import.meta.url), {
    args: [redis.url, NAMESPACE],
  });
});
afterAll(async () => {
  await changer?.stop();
  await proxy?.close();
  await redis?.stop();
});

/** Only the link to the bus goes through the proxy, or everything does. */
function reader(through: "bus" | "everything"): Cache & AsyncDisposable {
  const memory = { maxSilence: MAX_SILENCE / 1000, ttl: "5m" } as const;
  if (through === "everything") {
    return disposable(createCache({ store: redisStore({ url: proxy.url }), namespace: NAMESPACE, memory }));
  }
  const client = new Redis(redis.url, { enableAutoPipelining: true, lazyConnect: false });
  client.on("error", () => {});
  client.duplicate = ((options: object) => new Redis(proxy.url, { ...options })) as never;
  const cache = createCache({
    store: redisStore({ client: client as unknown as RedisLike }),
    namespace: NAMESPACE,
    memory,
  });
  return disposable(cache, () => client.disconnect());
}

function disposable(cache: Cache, after?: () => void): Cache & AsyncDisposable {
  return Object.assign(cache, {
    async [Symbol.asyncDispose]() {
      await cache.close();
      after?.();
    },
  });
}

/** Fills the keys with a version and reads them until all are in the tier. */
async function warm(cache: Cache, keys: readonly string[], version: number): Promise<void> {
  await waitFor(async () => (await cache.set("probe", 1, "5s")) === true);
  await changer.call("fill", { keys, version });
  await waitFor(
    async () => {
      const before = await tier(cache);
      for (const key of keys) expect(await cache.get(key)).toBe(version);
      return (await tier(cache)).hits - before.hits === keys.length;
    },
    { timeoutMs: 10_000, description: "all keys in the tier" },
  );
}

async function tier(cache: Cache): Promise<{ hits: number; flushes: number; coherent: boolean }> {
  const { l1 } = await cache.getStats();
  if (l1 === null) throw new Error("There is no tier");
  return l1;
}

describe("the link to the bus is lost while another process changes 1,000 keys", () => {
  const cases: [
    seconds: number,
    fault: "cut" | "black hole" | "half-open",
    through: "bus" | "everything",
    changes?: number,
  ][] = [
    [1, "cut", "bus", SOME],
    [1, "half-open", "bus", SOME],
    [1, "cut", "bus"],
    [1, "cut", "everything"],
    [1, "black hole", "bus"],
    [1, "half-open", "everything"],
    [5, "cut", "bus"],
    [5, "black hole", "everything"],
    ...(FULL
      ? ([
          [30, "cut", "bus"],
          [30, "black hole", "bus"],
          [30, "half-open", "bus"],
        ] as never[])
      : []),
  ];
  for (const [seconds, fault, through, changes = MANY] of cases) {
    test(`${fault} of ${seconds} s (${through}, ${changes} changes): silent in time, and not one stale answer afterwards`, async () => {
      await using cache = reader(through);
      const changed = Array.from(
        { length: changes },
        (_, i) => `${fault}:${seconds}:${through}:${changes}:changed:${i}`,
      );
      const kept = Array.from(
        { length: KEPT },
        (_, i) => `${fault}:${seconds}:${through}:${changes}:kept:${i}`,
      );
      await warm(cache, [...changed, ...kept], 1);
      const flushesBefore = (await tier(cache)).flushes;

      if (fault === "cut") await proxy.cut();
      else if (fault === "black hole") proxy.blackHole();
      else proxy.halfOpen();
      const lostAt = Date.now();
      const changing = changer.call<number[]>("change", { keys: changed, version: 2 });
      // Reads all along: what is old is noted with the time.
      const old: { key: string; at: number }[] = [];
      let ending = false;
      const reading = (async () => {
        for (let i = 0; !ending; i = (i + 1) % changes) {
          const key = changed[i] as string;
          const at = Date.now();
          if ((await cache.get(key)) === 1) old.push({ key, at });
          if (i % 20 === 0) await pause(1);
        }
      })();
      const acknowledged = await changing;
      const acknowledgedAt = new Map(changed.map((key, i) => [key, acknowledged[i] as number]));
      await pause(Math.max(0, seconds * 1_000 - (Date.now() - lostAt)));
      if (seconds * 1_000 > MAX_SILENCE + 500) expect((await tier(cache)).coherent).toBe(false);
      await proxy.heal();
      const healedAt = Date.now();
      await pause(250);
      const stale = [...changed].map(async (key) => (await cache.get(key)) === 1);
      expect((await Promise.all(stale)).filter(Boolean)).toHaveLength(0);
      // And so it stays when the tier answers again.
      await waitFor(async () => (await tier(cache)).coherent, { timeoutMs: 5_000, description: "coherent" });
      const backAfter = Date.now() - healedAt;
      for (let round = 0; round < 2; round++) {
        for (const [i, key] of changed.entries()) {
          const value = await cache.get(key);
          expect(value, key).toBe(i % 2 === 0 ? 2 : null);
        }
      }
      ending = true;
      await reading;

      const late = old.filter(({ key, at }) => at > (acknowledgedAt.get(key) as number) + MAX_SILENCE + 50);
      expect(late, "old values later than maxSilence after their change").toHaveLength(0);
      expect(old.filter(({ at }) => at > healedAt + 250)).toHaveLength(0);
      if (fault === "cut") {
        expect(
          old.filter(({ key, at }) => at > Math.max(acknowledgedAt.get(key) as number, lostAt + 50)),
        ).toHaveLength(0);
      }
      // What was missed was replayed, as far as the bus remembers it: what nobody changed is still in process then.
      const before = await tier(cache);
      for (const key of kept) expect(await cache.get(key)).toBe(1);
      const after = await tier(cache);
      const flushes = after.flushes - flushesBefore;
      expect(flushes).toBeLessThanOrEqual(changes === SOME ? 0 : 1);
      if (flushes === 0) expect(after.hits - before.hits).toBe(KEPT);
      if (process.env.PROMISE_PRINT) {
        process.stdout.write(
          `${JSON.stringify({ fault, seconds, through, oldWhileLost: old.length, backAfter })}\n`,
        );
      }
    }, 90_000);
  }

  test("control: a tier that trusts pub/sub alone gives stale answers after the cut", async () => {
    // Such a tier in a few lines: a map, and a subscriber that deletes what it is told.
    const kept = new Map<string, number>();
    const subscriber = new Redis(proxy.url, { retryStrategy: () => 25, maxRetriesPerRequest: null });
    subscriber.on("error", () => {});
    subscriber.on("message", (_channel, key: string) => kept.delete(key));
    await subscriber.subscribe("invalidated");
    const keys = Array.from({ length: 100 }, (_, i) => `control:${i}`);
    for (const key of keys) kept.set(key, 1);
    await proxy.cut();
    for (const key of keys) await admin.publish("invalidated", key);
    await pause(200);
    await proxy.heal();
    await waitFor(() => subscriber.status === "ready");
    // It hears again what is said now.
    await waitFor(async () => {
      await admin.publish("invalidated", keys[0] as string);
      return !kept.has(keys[0] as string);
    });
    await pause(250);
    subscriber.disconnect();
    expect(kept.size, "stale entries that nobody will ever remove").toBe(99);
  });
});

describe("what cannot be replayed is flushed", () => {
  const losses: [name: string, lose: (keys: string[]) => Promise<unknown>, connected: boolean][] = [
    ["the stream is trimmed past the cursor", () => admin.xtrim(BUS, "MAXLEN", 2), false],
    ["the stream is deleted", () => admin.del(BUS), false],
    [
      "the stream is deleted, and begun anew",
      async (keys) => {
        await admin.del(BUS);
        await changer.call("change", { keys: keys.slice(0, 5), version: 2 });
      },
      false,
    ],
    ["everything is deleted (FLUSHALL)", () => admin.flushall(), false],
    ["everything is deleted (FLUSHALL) while the link stands", () => admin.flushall(), true],
    ["the stream is deleted while the link stands", () => admin.del(BUS), true],
  ];
  for (const [name, lose, connected] of losses) {
    test(`${name}: one counted flush, 0 stale`, async () => {
      await using cache = reader("bus");
      const keys = Array.from({ length: 300 }, (_, i) => `${name}:${i}`);
      await warm(cache, keys, 1);
      const reasons: string[] = [];
      cache.on("tier:flush", ({ reason }) => reasons.push(reason));
      const before = (await tier(cache)).flushes;
      if (!connected) await proxy.cut();
      await changer.call("change", { keys, version: 2 });
      await lose(keys);
      if (!connected) await proxy.heal();
      await waitFor(async () => (await tier(cache)).flushes > before, {
        timeoutMs: 3_000,
        description: "a flush",
      });
      await waitFor(async () => (await tier(cache)).coherent, { timeoutMs: 3_000 });
      await pause(50);
      const values = await Promise.all(keys.map((key) => cache.get(key)));
      expect(values.filter((value) => value === 1)).toHaveLength(0);
      expect(reasons.length).toBe(1);
      expect((await tier(cache)).flushes).toBe(before + 1);
    });
  }

  test("the stream is lost with a message that was still on its way: noticed, 0 stale", async () => {
    await using cache = reader("bus");
    // The question for what comes next is on its way for 100 ms: what is appended and lost meanwhile nobody delivers.
    const stale: number[] = [];
    for (let round = 0; round < 6; round++) {
      const key = `on its way:${round}`;
      await warm(cache, [key], 1);
      proxy.setLatency(200);
      await changer.call("fill", { keys: ["wakes the reader"], version: round });
      await pause(110 + round * 15);
      await changer.call("change", { keys: [key], version: 2 });
      await admin.del(BUS);
      const changedAt = Date.now();
      await waitFor(async () => (await cache.get(key)) !== 1, { timeoutMs: 10_000 }).catch(() => {});
      stale.push(Date.now() - changedAt);
      proxy.setLatency(0);
    }
    expect(Math.max(...stale), JSON.stringify(stale)).toBeLessThanOrEqual(MAX_SILENCE + 250);
  }, 90_000);

  test("the server is restarted without its data: flushed, 0 stale", async () => {
    const own = await startRedis({ control: true });
    const other = createCache({ store: redisStore({ url: own.url }), namespace: "own" });
    const cache = createCache({
      store: redisStore({ url: own.url }),
      namespace: "own",
      memory: { ttl: "5m" },
    });
    try {
      const keys = Array.from({ length: 100 }, (_, i) => `k${i}`);
      await waitFor(async () => (await other.setMany(keys.map((key) => ({ key, value: 1 })))) === 100);
      await waitFor(async () => {
        const before = (await tier(cache)).hits;
        await cache.get("k0");
        return (await tier(cache)).hits > before;
      });
      for (const key of keys) await cache.get(key);
      const { flushes } = await tier(cache);
      await own.restart({ keepData: false });
      await waitFor(async () => (await other.setMany(keys.map((key) => ({ key, value: 2 })))) === 100);
      const at = Date.now();
      await waitFor(async () => (await tier(cache)).coherent, { timeoutMs: 5_000 });
      await pause(Math.max(0, 250 - (Date.now() - at)));
      const values = await Promise.all(keys.map((key) => cache.get(key)));
      expect(values.filter((value) => value === 1)).toHaveLength(0);
      expect((await tier(cache)).flushes).toBeGreaterThan(flushes);
    } finally {
      await other.close();
      await cache.close();
      await own.stop();
    }
  });
});

describe("values of the tier", () => {
  test("a caller's mutation never reaches another", async () => {
    await using cache = reader("everything");
    const make = () => ({
      list: [1, { deep: "x" }],
      when: new Date(0),
      map: new Map([["a", { b: 1 }]]),
      set: new Set([1]),
      bytes: Buffer.from("abc"),
    });
    const expected = make();
    await cache.set("shared", make());
    await cache.set("plain", { list: [1, { deep: "x" }] });
    await waitFor(async () => (await tier(cache)).coherent);
    const vandals: ((value: ReturnType<typeof make>) => unknown)[] = [
      (value) => value.list.push(2),
      (value) => Object.assign(value.list[1] as object, { deep: "y" }),
      (value) => value.when.setTime(1),
      (value) => value.map.set("c", { b: 2 }),
      (value) => Object.assign(value.map.get("a") as object, { b: 3 }),
      (value) => value.set.add(2),
      (value) => value.bytes.fill(0),
      (value) => Object.assign(value, { more: true }),
    ];
    for (const key of ["shared", "plain"]) {
      for (const read of [
        () => cache.get<ReturnType<typeof make>>(key),
        () => cache.getOrSet<ReturnType<typeof make>>(key, make),
        async () => (await cache.getMany<ReturnType<typeof make>>([key]))[0] ?? null,
      ]) {
        for (const vandal of vandals) {
          const value = await read();
          expect(value).not.toBeNull();
          try {
            vandal(value as ReturnType<typeof make>);
          } catch {
            // Frozen: that is as good as a copy.
          }
          expect(await read()).toEqual(key === "shared" ? expected : { list: expected.list });
        }
      }
    }
    expect((await tier(cache)).hits).toBeGreaterThan(10);
  });

  test("what a fetcher returned is its own: changing it later changes no cached value", async () => {
    const cache = createCache({ store: memoryStore(), memory: true });
    const made = { list: [1] };
    const first = await cache.getOrSet("own", () => made);
    try {
      made.list.push(2);
      (first as { list: number[] }).list.push(3);
    } catch {
      // Frozen.
    }
    expect(await cache.get("own")).toEqual({ list: [1] });
    await cache.close();
  });

  test("bounds in entries and in bytes hold at every moment", async () => {
    const cache = createCache({
      store: memoryStore(),
      memory: { maxEntries: 100, maxBytes: 64_000, maxEntryBytes: 16_000 },
    });
    for (let i = 0; i < 3_000; i++) {
      const key = `bound:${i}`;
      await cache.getOrSet(key, () => "x".repeat((i * 37) % 20_000), { tags: [`t${i % 7}`] });
      if (i % 50 === 0) {
        const { l1 } = await cache.getStats();
        expect(l1?.entries).toBeLessThanOrEqual(100);
        expect(l1?.bytes).toBeLessThanOrEqual(64_000);
      }
    }
    expect((await cache.getStats()).l1?.evictions).toBeGreaterThan(1_000);
    await cache.close();
  });
});
