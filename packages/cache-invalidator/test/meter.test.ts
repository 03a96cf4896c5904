import { createCache, memoryStore } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { createFakeClock } from "@crm/cache-core/testing";
import { type Anomaly, createConsistencyMeter } from "@crm/cache-invalidator/meter";
import { type RedisServer, seededRandom, startRedis, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Invalidations of a run; one in 10,000 is lost. The full count is 200,000. */
const INVALIDATIONS = Number(process.env.METER_INVALIDATIONS ?? 20_000);
const ONE_IN = 10_000;
/** Half a millisecond an invalidation on two cores that others use as well. */
const LIMIT_MS = 60_000 + 2 * INVALIDATIONS;
const PER_ROUND = 1_000;
const SEED = Number(process.env.METER_SEED ?? Date.now() % 1_000_000);

/** An application over a memory store and a fake clock that changes its rows and loses some of its invalidations. */
async function run(
  losing: boolean,
): Promise<{ lost: Set<string>; anomalies: Anomaly[]; shares: (number | null)[] }> {
  const random = seededRandom(SEED);
  const clock = createFakeClock();
  const cache = createCache({ store: memoryStore({ clock }), clock, namespace: "meter" });
  const versions = new Map<string, number>();
  const meter = createConsistencyMeter(cache, {
    source: (key) => ({ key, version: versions.get(key) }),
    sampleRate: 1,
    maxPending: INVALIDATIONS,
    concurrency: 100,
    trackKeys: 0,
    clock,
  });
  const anomalies: Anomaly[] = [];
  meter.on("anomaly:found", (anomaly) => void anomalies.push(anomaly));
  const lost = new Set<string>();
  async function read(key: string): Promise<unknown> {
    return cache.getOrSet(key, () => ({ key, version: versions.get(key) }), "1h");
  }

  for (let first = 0; first < INVALIDATIONS; first += PER_ROUND) {
    const unlucky = new Set<number>();
    // Exactly one in 10,000, at a place that nobody knows.
    if (losing && first % ONE_IN === 0) unlucky.add(random.int(0, PER_ROUND - 1));
    for (let i = 0; i < PER_ROUND; i++) {
      const key = `companies:${first + i}`;
      versions.set(key, 1);
      await read(key);
      versions.set(key, 2);
      if (unlucky.has(i)) {
        lost.add(key);
        meter.observe("lost", [key]);
      } else {
        await cache.del(key);
      }
      // Half of them are read again, as in life.
      if (random.chance(0.5)) await read(key);
    }
    await clock.advance(10_000);
  }
  for (let minute = 0; minute < 12; minute++) {
    await clock.advance(60_000);
    await waitFor(
      async () => {
        const before = JSON.stringify(meter.getStats());
        await clock.advance(1);
        return before === JSON.stringify(meter.getStats());
      },
      { intervalMs: 0, timeoutMs: LIMIT_MS },
    );
  }
  const { delays, pending, sampled } = meter.getStats();
  expect([pending, sampled]).toEqual([0, INVALIDATIONS]);
  await meter.close();
  await cache.close();
  return { lost, anomalies, shares: delays.map(({ share }) => share) };
}

describe(`the meter over ${INVALIDATIONS} invalidations (seed ${SEED})`, () => {
  test(
    "finds each that was lost, one in 10,000, at its first recheck, and nothing else",
    async () => {
      const { lost, anomalies, shares } = await run(true);
      expect(lost.size).toBe(INVALIDATIONS / ONE_IN);
      const found = anomalies.filter(({ repeated }) => !repeated);
      expect(found.map(({ key }) => key).sort()).toEqual([...lost].sort());
      expect(new Set(found.map(({ delaySeconds }) => delaySeconds))).toEqual(new Set([60]));
      const expected = 1 - 1 / ONE_IN;
      for (const share of shares) expect(share).toBeCloseTo(expected, 10);
      if (process.env.METER_REPORT !== undefined) {
        process.stderr.write(
          `${JSON.stringify({ invalidations: INVALIDATIONS, lost: lost.size, found: found.length, shares })}\n`,
        );
      }
    },
    LIMIT_MS,
  );

  test(
    "reports nothing in a clean run",
    async () => {
      const { anomalies, shares } = await run(false);
      expect(anomalies).toEqual([]);
      expect(shares).toEqual([1, 1, 1]);
    },
    LIMIT_MS,
  );
});

describe("on a real Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  const timing = { delays: ["150ms", "400ms"], grace: "150ms" } as const;

  test("reports nothing while readers and writers work on the same keys", async () => {
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "meter-clean" });
    const versions = Array.from({ length: 40 }, () => 0);
    const source = (key: string): unknown => ({ version: versions[Number(key)] });
    const meter = createConsistencyMeter(cache, { source, sampleRate: 1, concurrency: 20, ...timing });
    const anomalies: Anomaly[] = [];
    meter.on("anomaly:found", (anomaly) => void anomalies.push(anomaly));
    const until = performance.now() + 2_500;
    async function work(seed: number): Promise<void> {
      const random = seededRandom(seed);
      while (performance.now() < until) {
        const id = random.int(0, 39);
        if (random.chance(0.1)) {
          versions[id] = (versions[id] as number) + 1;
          await cache.del(String(id));
        } else {
          await cache.getOrSet(String(id), () => source(String(id)), "1m");
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, i) => work(SEED + i)));
    await waitFor(() => meter.getStats().pending === 0, { timeoutMs: 10_000 });
    const { delays } = meter.getStats();
    expect(delays[0]?.consistent).toBeGreaterThan(50);
    expect(delays.map(({ stuck }) => stuck)).toEqual([0, 0]);
    expect(anomalies).toEqual([]);
    await meter.close();
    await cache.close();
  });

  test("finds an entry that came back behind the cache's back", async () => {
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "meter-lost" });
    const client = await redis.client();
    const versions = new Map<string, number>();
    const source = (key: string): unknown => versions.get(key);
    const meter = createConsistencyMeter(cache, { source, sampleRate: 1, ...timing });
    const anomalies: Anomaly[] = [];
    meter.on("anomaly:found", (anomaly) => void anomalies.push(anomaly));
    for (const key of ["good", "bad"]) {
      versions.set(key, 1);
      await cache.getOrSet(key, () => 1, "1m");
    }
    // What a late fill without a lease would do: the old bytes are written after the invalidation.
    const name = `${cache.internals.keys.base}e:bad`;
    const old = await client.getBuffer(name);
    expect(old).not.toBeNull();
    for (const key of ["good", "bad"]) {
      versions.set(key, 2);
      await cache.del(key);
    }
    await client.set(name, old as Buffer, "PX", 60_000);
    await waitFor(() => meter.getStats().pending === 0);
    expect(
      anomalies.map(({ key, cached, source: now, repeated }) => ({ key, cached, now, repeated })),
    ).toEqual([
      { key: "bad", cached: 1, now: 2, repeated: false },
      { key: "bad", cached: 1, now: 2, repeated: true },
    ]);
    expect(meter.getStats().delays).toMatchObject([
      { consistent: 1, stuck: 1, share: 0.5 },
      { consistent: 1, stuck: 1, share: 0.5 },
    ]);
    await meter.close();
    await cache.close();
    await client.del(name);
  });
});
