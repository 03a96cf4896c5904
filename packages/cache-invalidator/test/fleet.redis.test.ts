// Ten instances with the in-process tier, five of them cut off while many invalidations pass: they catch up when the link
// is back, or, when the bus no longer has what they missed, forget everything once. FLEET_CUT_MS and FLEET_INVALIDATIONS
// set the size; the full run is 30,000 and 10,000.

import { setTimeout as sleep } from "node:timers/promises";
import { type Cache, createCache, type Store } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, startFaultProxy, startRedis, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CacheInvalidator, createCacheInvalidator } from "../src/index.ts";

const CUT_MS = Number(process.env.FLEET_CUT_MS ?? 2_000);
const INVALIDATIONS = Number(process.env.FLEET_INVALIDATIONS ?? 400);
const KEYS = Array.from({ length: 50 }, (_, i) => `rows:${i}`);
const rules = { rows: { patterns: ["rows:{id}"] } };
const REDIS = { commandTimeout: "2s", invalidationTimeout: "5s" } as const;

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());

interface Instance {
  readonly store: Store;
  readonly cache: Cache;
  readonly invalidator: CacheInvalidator;
}

function instance(url: string, namespace: string, maxRecords: number): Instance {
  const store = redisStore({ url, ...REDIS });
  const cache = createCache({ store, namespace, memory: true });
  return { store, cache, invalidator: createCacheInvalidator(cache, { rules, history: { maxRecords } }) };
}

it.each([
  ["catch up", 100_000, 0],
  ["flush once", 1, 1],
] as const)(
  "five of ten instances, cut off, %s within 2 s of healing, and serve nothing stale after",
  async (how, maxRecords, flushes) => {
    await using proxy = await startFaultProxy({ target: redis });
    const namespace = `fleet-${how.replace(" ", "-")}`;
    const near = Array.from({ length: 5 }, () => instance(redis.url, namespace, maxRecords));
    const far = Array.from({ length: 5 }, () =>
      instance(`redis://${proxy.host}:${proxy.port}`, namespace, maxRecords),
    );
    const all = [...near, ...far];
    const rows = new Map(KEYS.map((key) => [key, 0]));
    const read = (cache: Cache, key: string): Promise<number> =>
      cache.getOrSet(key, () => rows.get(key) ?? 0, 600);
    try {
      await Promise.all(all.map(({ invalidator }) => invalidator.ready()));
      const warm = () =>
        Promise.all(
          all.map(async ({ cache }) => {
            for (const key of KEYS) await read(cache, key);
            const { l1 } = await cache.getStats();
            return l1?.coherent === true && l1.entries === KEYS.length;
          }),
        );
      await waitFor(async () => (await warm()).every(Boolean), {
        timeoutMs: 20_000,
        description: "warm tiers",
      });
      const before = await Promise.all(
        far.map(async ({ cache }) => (await cache.getStats()).l1?.flushes ?? 0),
      );

      await proxy.cut();
      const cutAt = performance.now();
      // Where the bus is to be outrun, by more than the 1,000 messages that it always keeps.
      const count = flushes === 0 ? INVALIDATIONS : Math.max(INVALIDATIONS, 600);
      for (let n = 0; n < count; n += 10) {
        await Promise.all(
          Array.from({ length: Math.min(10, count - n) }, (_, i) => {
            const id = (n + i) % KEYS.length;
            rows.set(`rows:${id}`, n + i + 1);
            return (near[i % 5] as Instance).invalidator.invalidateOnUpdate("rows", id);
          }),
        );
      }
      await (near[0] as Instance).invalidator.invalidateOnUpdate("rows", "last");
      await sleep(Math.max(0, CUT_MS - (performance.now() - cutAt)));
      // Cut off for longer than a second: nothing is answered from memory.
      for (const { cache } of far) expect((await cache.getStats()).l1?.coherent).toBe(false);

      await proxy.heal();
      const healedAt = performance.now();
      await waitFor(
        async () => {
          const stats = await Promise.all(far.map(({ cache }) => cache.getStats()));
          const heard = far.every(({ invalidator }) => invalidator.getHistory(1)[0]?.entityId === "last");
          if (process.env.FLEET_REPORT === "2")
            process.stderr.write(
              `${JSON.stringify({ last: far.map(({ invalidator }) => [invalidator.getHistory(1)[0]?.entityId, invalidator.getStats().totalInvalidations]), l1: stats.map(({ l1 }) => l1?.coherent) })}\n`,
            );
          return heard && stats.every(({ l1 }) => l1?.coherent === true);
        },
        { timeoutMs: 8_000, description: "the link" },
      );
      const caughtUpMs = performance.now() - healedAt;
      for (const { cache } of all) {
        for (const key of KEYS) expect(await read(cache, key), key).toBe(rows.get(key));
      }
      const after = await Promise.all(
        far.map(async ({ cache }) => (await cache.getStats()).l1?.flushes ?? 0),
      );
      expect(after.map((n, i) => n - (before[i] as number))).toEqual(far.map(() => flushes));
      expect(caughtUpMs).toBeLessThan(2_000);
      if (process.env.FLEET_REPORT !== undefined) {
        process.stderr.write(
          `${JSON.stringify({ how, cutMs: CUT_MS, count, caughtUpMs: Math.round(caughtUpMs) })}\n`,
        );
      }
    } finally {
      await proxy.heal();
      for (const { cache, invalidator } of all) {
        await invalidator.close();
        await cache.close();
      }
    }
  },
  CUT_MS + INVALIDATIONS * 20 + 60_000,
);
