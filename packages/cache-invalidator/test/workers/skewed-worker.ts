// A process whose wall clock is wrong by as much as its second argument says, and jumps: see clocks.redis.test.ts.

import { serveWorker } from "@crm/testkit";

const [url = "", skew = "0"] = process.argv.slice(2);
const RightDate = Date;
let skewMs = Number(skew);
const now = (): number => RightDate.now() + skewMs;
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const { createCache } = await import("@crm/cache-core");
const { redisStore } = await import("@crm/cache-core/redis");
const { createCacheInvalidator } = await import("../../src/index.ts");
const { createConsistencyMeter } = await import("../../src/meter/index.ts");
const cache = createCache({ store: redisStore({ url }), namespace: "clocks", memory: true });
const invalidator = createCacheInvalidator(cache, {
  rules: { companies: { patterns: ["companies:{id}", "companies:list:*"] } },
  history: { maxAge: "10m" },
});

serveWorker({
  wall: () => Date.now(),
  jump(ms: number) {
    skewMs += ms;
  },
  /** Without waiting for anything before it: the first that this process does. */
  async invalidate(id: string): Promise<void> {
    await invalidator.invalidateOnUpdate("companies", id);
  },
  fill: (key: string) => cache.getOrSet(key, () => 1, "1h"),
  removedBy: async (key: string) =>
    (await invalidator.explain(key)).removedBy.map(({ entityId }) => entityId),
  async history(ids: string[]) {
    const records = invalidator.getHistory().filter(({ entityId }) => ids.includes(entityId));
    const found = await invalidator.queryHistory({ limit: 1_000 });
    return {
      local: records.map(({ entityId, timestamp }) => [entityId, timestamp.getTime()] as const),
      durable: found.map(({ entityId, timestamp }) => [entityId, timestamp.getTime()] as const),
      recent: invalidator.getStats().recentInvalidations,
    };
  },
  /** Keys that the meter reports, of which those that begin with "lost" changed without an invalidation. */
  async meter(): Promise<{ found: string[]; consistent: number[] }> {
    const versions = new Map<string, number>();
    const source = (key: string): unknown => versions.get(key);
    const timing = { delays: ["200ms", "500ms"], grace: "100ms" } as const;
    const meter = createConsistencyMeter(cache, { source, sampleRate: 1, trackKeys: 0, ...timing });
    const found = new Set<string>();
    meter.on("anomaly:found", ({ key }) => void found.add(key));
    for (let n = 0; n < 40; n++) {
      const key = `${n % 10 === 0 ? "lost" : "told"}:${process.pid}:${n}`;
      versions.set(key, 1);
      await cache.getOrSet(key, () => 1, "1h");
      versions.set(key, 2);
      if (n % 10 === 0) meter.observe("lost", [key]);
      else await cache.del(key);
      if (n % 2 === 0) await cache.getOrSet(key, () => versions.get(key) as number, "1h");
      skewMs = -skewMs;
    }
    while (meter.getStats().pending > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const { delays } = meter.getStats();
    await meter.close();
    return { found: [...found].sort(), consistent: delays.map(({ consistent }) => consistent) };
  },
});
