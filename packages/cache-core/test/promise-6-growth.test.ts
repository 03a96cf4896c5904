// Promise 6: nothing grows for ever. `PROMISE_FULL=1` writes ten times as much.

import "@crm/testkit/setup-guards";
import { type RedisServer, seededRandom, spawnWorker, startRedis, waitFor } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const FULL = process.env.PROMISE_FULL === "1";
const NAMESPACE = "p6";
const BASE = `${NAMESPACE}:1`;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let redis: RedisServer;
let admin: Redis;
beforeAll(async () => {
  redis = await startRedis({ control: true });
  admin = await redis.client();
});
afterAll(() => redis?.stop());

interface Sample {
  readonly live: number;
  readonly dead: number;
  readonly tagLive: number;
  readonly tagDead: number;
  readonly forever: string[];
  readonly keys: number;
  /** Of the dead, those that stand for leases. */
  readonly deadLeases: number;
  /** Marks of invalidated tags. */
  readonly marks: number;
}

async function names(): Promise<string[]> {
  const found = new Set<string>();
  for await (const page of admin.scanStream({ match: `${NAMESPACE}:*`, count: 1_000 })) {
    for (const key of page as string[]) found.add(key);
  }
  return [...found];
}

/** One moment, seen by the server itself. */
const LOOK = `
local base, live, dead, leases, marks = ARGV[1], 0, 0, 0, 0
for _, member in ipairs(redis.call('ZRANGE', base .. 'i', 0, -1)) do
  if string.byte(member) ~= 1 then
    if redis.call('EXISTS', base .. 'e:' .. member) == 1 then live = live + 1 else dead = dead + 1 end
  end
end
local time, out = redis.call('TIME'), redis.call('HGETALL', base .. 'l')
for i = 1, #out, 2 do
  local kind = string.byte(out[i])
  if kind == 2 then
    marks = marks + 1
  elseif kind ~= 1 then
    local lives = string.match(out[i + 1], '^[^|]*|%d+|%d+|(%d+)|')
    if tonumber(lives) > time[1] * 1000 + time[2] / 1000 then live = live + 1 else dead, leases = dead + 1, leases + 1 end
  end
end
local tagLive, tagDead, forever, count = 0, 0, {}, 0
for _, key in ipairs(redis.call('KEYS', base .. '*')) do
  count = count + 1
  if redis.call('PTTL', key) == -1 then forever[#forever + 1] = key end
  if string.sub(key, 1, #base + 2) == base .. 't:' then
    for _, member in ipairs(redis.call(redis.call('TYPE', key).ok == 'set' and 'SMEMBERS' or 'HKEYS', key)) do
      if redis.call('EXISTS', base .. 'e:' .. member) == 1 then tagLive = tagLive + 1 else tagDead = tagDead + 1 end
    end
  end
end
return {live, dead, tagLive, tagDead, forever, count, leases, marks}
`;

async function sample(): Promise<Sample> {
  const [live, dead, tagLive, tagDead, forever, keys, deadLeases, marks] = (await admin.eval(
    LOOK,
    0,
    BASE,
  )) as [number, number, number, number, string[], number, number, number];
  return { live, dead, tagLive, tagDead, forever, keys, deadLeases, marks };
}

test(
  "rotating keys and tags: the dead never outnumber the living, every key has a TTL, and at the end nothing is left",
  async () => {
    await admin.flushall();
    // The namespace is not alone on the server.
    await admin.set("foreign", "1");
    const random = seededRandom(6);
    const LONGEST = 2_000;
    const caches = Array.from({ length: 3 }, (_, i) =>
      createCache({
        store: redisStore({ url: redis.url, commandTimeout: "500ms", invalidationTimeout: "2s" }),
        namespace: NAMESPACE,
        leaseTtl: "500ms",
        defaults: { ttl: "2s" },
        memory: i === 0 ? { maxEntries: 500 } : false,
      }),
    );
    await Promise.all(caches.map((cache) => cache.ready()));
    const writes = FULL ? 300_000 : 30_000;
    const samples: Sample[] = [];
    let written = 0;
    let nextKey = 0;
    const began = performance.now();
    const writers = Array.from({ length: 24 }, async (_, n) => {
      const cache = caches[n % caches.length]!;
      while (written < writes) {
        const i = written++;
        const ttl = `${random.int(200, LONGEST)}ms` as const;
        const tags = [`fixed:${random.int(0, 5)}`, `rotating:${Math.floor(i / 200)}`].slice(
          0,
          random.int(0, 2),
        );
        const key = `k:${nextKey++}`;
        const what = random.int(0, 99);
        try {
          if (what < 40) await cache.set(key, i, { ttl, tags });
          else if (what < 75) await cache.getOrSet(key, () => i, { ttl, tags });
          // Overwritten with other tags.
          else if (what < 85)
            await cache.set(`k:${Math.max(0, nextKey - random.int(1, 200))}`, i, {
              ttl,
              tags: [`other:${i % 7}`],
            });
          else if (what < 90)
            await cache.getOrSet(key, () => Promise.reject(new Error("the source fails")), { ttl });
          else if (what < 93) await cache.getOrSet(key, () => null, { ttl });
          else if (what < 95) await cache.invalidateByTag(`fixed:${random.int(0, 5)}`, { soft: true });
          else if (what < 97) await cache.invalidateByTag(`rotating:${Math.floor(i / 200)}`);
          else if (what < 98)
            await cache.invalidatePattern(`k:${random.int(0, nextKey)}*`, { soft: random.chance(0.5) });
          else await cache.del(`k:${random.int(0, nextKey)}`);
        } catch (error) {
          if ((error as Error).message !== "the source fails") throw error;
        }
        // At a pace at which keys live and die while others are written.
        if (i % 8 === 0) await pause(4);
      }
    });
    const done = Promise.all(writers);
    let ended = false;
    done.then(
      () => {
        ended = true;
      },
      () => {
        ended = true;
      },
    );
    // Processes that die while they fetch leave leases.
    const dying = (async () => {
      for (let i = 0; i < 3; i++) {
        const worker = await spawnWorker(new URL("./workers/dying-fetcher.ts", import.meta.url), {
          args: [redis.url, NAMESPACE],
        });
        await worker.call("fetch", { keys: 50, label: i });
        await worker.kill();
      }
    })();
    await pause(LONGEST);
    while (!ended) {
      samples.push(await sample());
      await pause(250);
    }
    await done;
    await dying;
    const lastWrite = performance.now();
    const rate = Math.round(writes / ((lastWrite - began) / 1_000));
    // In process nothing is left over either, but for what is bounded.
    const stats = await caches[0]!.getStats();
    expect(stats.l1?.entries).toBeLessThanOrEqual(500);
    // One longest TTL later; the index may outlive it by a hundredth.
    await waitFor(async () => (await names()).length === 0, {
      timeoutMs: LONGEST + 1_500,
      description: "an empty namespace",
    }).catch(() => {});
    const left = await names();
    if (process.env.PROMISE_PRINT) {
      const worst = (a: keyof Sample, b: keyof Sample) =>
        Math.max(...samples.map((each) => Number(each[a]) / Math.max(1, Number(each[b])))).toFixed(2);
      process.stdout.write(
        `${JSON.stringify({ writes, rate, samples: samples.length, deadPerLive: worst("dead", "live"), tagDeadPerLive: worst("tagDead", "tagLive"), peakKeys: Math.max(...samples.map(({ keys }) => keys)), goneAfter: Math.round(performance.now() - lastWrite), left })}\n`,
      );
    }
    if (process.env.PROMISE_PRINT === "2") {
      process.stdout.write(`${samples.map((each) => JSON.stringify(each)).join("\n")}\n`);
    }
    expect(samples.length).toBeGreaterThan(5);
    for (const each of samples) {
      expect(each.live).toBeGreaterThan(0);
      expect(each.dead, JSON.stringify(each)).toBeLessThanOrEqual(each.live);
      expect(each.tagDead, JSON.stringify(each)).toBeLessThanOrEqual(each.tagLive);
      expect(each.forever).toEqual([]);
    }
    expect(left).toEqual([]);
    for (const cache of caches) await cache.close();
  },
  FULL ? 600_000 : 90_000,
);

test("control: a set of members that nobody cleans outgrows the living", async () => {
  await admin.flushall();
  for (let i = 0; i < 500; i++) {
    await admin.set(`plain:${i}`, "1", "PX", 20);
    await admin.sadd("plain", `plain:${i}`);
    if (i % 10 === 0) await pause(1);
  }
  const members = await admin.smembers("plain");
  const alive = await Promise.all(members.map((member) => admin.exists(member)));
  expect(alive.filter((exists) => exists === 0).length).toBeGreaterThan(
    alive.filter((exists) => exists === 1).length,
  );
});

test("an empty namespace that is only invalidated leaves nothing for longer than a minute", async () => {
  await admin.flushall();
  await admin.set("foreign", "1");
  const cache = createCache({
    store: redisStore({ url: redis.url }),
    namespace: NAMESPACE,
    defaults: { ttl: "1s" },
  });
  await waitFor(async () => (await cache.set("one", 1)) === true);
  for (let i = 0; i < 20; i++) {
    await cache.invalidatePattern(`nothing:${i}:*`);
    await cache.invalidateByTag(`nothing:${i}`);
  }
  for (const key of await names()) {
    const left = await admin.pttl(key);
    expect(left, key).toBeGreaterThan(0);
    expect(left, key).toBeLessThanOrEqual(61_000);
  }
  await cache.close();
});

test("a tag that is written to rarely, and whose entries die, does not grow behind one that is written to often", async () => {
  await admin.flushall();
  const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "rare" });
  const busy = Array.from(
    { length: 8_192 },
    (_, i) => ({ key: `busy:${i}`, value: i, ttl: "1h", tags: ["busy"] }) as const,
  );
  const rounds = FULL ? 10_000 : 1_000;
  for (let i = 0; i < rounds; i++) {
    const some = busy.slice((64 * i) % busy.length, ((64 * i) % busy.length) + 64);
    await Promise.all([cache.setMany(some), cache.set(`rare:${i}`, i, { ttl: "5ms", tags: ["rare"] })]);
  }
  // One that lives on keeps the others' places from expiring with them.
  await cache.set("rare:last", 0, { ttl: "1h", tags: ["rare"] });
  const members = await admin.hlen("rare:1t:rare").catch(() => admin.scard("rare:1t:rare"));
  expect(members).toBeGreaterThan(0);
  expect(members).toBeLessThan(120);
  await cache.close();
}, 60_000);
