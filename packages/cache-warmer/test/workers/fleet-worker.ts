// A process with some instances of a fleet, which boot and warm at once. The origin is another Redis: it knows how often each
// row was loaded, how many loads are under way, and the newest version of each row.

import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { serveWorker } from "@crm/testkit";
import { Redis } from "ioredis";
import { type CacheWarmer, createCacheWarmer, type WarmingMetrics } from "../../src/index.ts";

const [url, originUrl, namespace] = process.argv.slice(2) as [string, string, string];
const origin = new Redis(originUrl);
origin.defineCommand("begin", {
  numberOfKeys: 0,
  // How many are under way, over all processes that live; and one more load of the row, with the version it reads.
  lua: `
redis.call('HINCRBY', 'inflight', ARGV[1], 1)
local sum = 0
for _, n in ipairs(redis.call('HVALS', 'inflight')) do sum = sum + n end
if sum > tonumber(redis.call('GET', 'peak') or 0) then redis.call('SET', 'peak', sum) end
redis.call('HINCRBY', 'loads', ARGV[2], 1)
redis.call('HSET', 'begun', ARGV[2], ARGV[1])
return redis.call('HGET', 'versions', ARGV[2])`,
});
const begin = (key: string): Promise<string> =>
  (origin as unknown as { begin(...args: string[]): Promise<string> }).begin(String(process.pid), key);

async function load(key: string, ms: number): Promise<{ version: number }> {
  const version = Number(await begin(key));
  await new Promise((resolve) => setTimeout(resolve, ms));
  await origin.hincrby("inflight", String(process.pid), -1);
  await origin.hset("ended", key, `${process.pid} ${Date.now()}`);
  return { version };
}

let made: { cache: Cache; warmer: CacheWarmer }[] = [];

serveWorker({
  /** Boots so many instances, each of which registers every task. */
  async boot({ instances, tasks, loadMs }: { instances: number; tasks: number; loadMs: number }) {
    made = Array.from({ length: instances }, () => {
      const cache = createCache({ store: redisStore({ url, commandTimeout: "5s" }), namespace });
      const warmer = createCacheWarmer(cache);
      for (let n = 0; n < tasks; n++) {
        const key = `row:${n}`;
        warmer.register({ key, ttl: 600, priority: 1 + (n % 10), fetcher: () => load(key, loadMs) });
      }
      return { cache, warmer };
    });
    await Promise.all(made.map(({ cache }) => cache.ready()));
  },
  warm: (maxParallel: number): Promise<WarmingMetrics[]> =>
    Promise.all(made.map(({ warmer }) => warmer.performStartupWarming({ maxParallel }))),
  /** The same without fences, for the control arm: what was loaded is written. */
  async warmUnfenced(tasks: number) {
    const { cache } = made[0] as { cache: Cache };
    for (let from = 0; from < tasks; from += 8) {
      const keys = Array.from({ length: Math.min(8, tasks - from) }, (_, n) => `row:${from + n}`);
      await Promise.all(keys.map(async (key) => cache.set(key, await load(key, 30), 600)));
    }
  },
  async close() {
    for (const { warmer, cache } of made) {
      await warmer.close();
      await cache.close();
    }
    origin.disconnect();
  },
});
