// Another process: it changes and removes what the test tells it to.

import { serveWorker } from "@crm/testkit";
import { createCache } from "../../src/index.ts";
import { redisStore } from "../../src/redis/index.ts";

const [url, namespace] = process.argv.slice(2);
const cache = createCache({ store: redisStore({ url }), namespace });
const prune = createCache({ store: redisStore({ url }), namespace });

serveWorker({
  /** Writes a version under each key, and says when each was acknowledged (ms since the epoch). */
  async change({ keys, version }: { keys: string[]; version: number }): Promise<number[]> {
    const done: number[] = [];
    for (const [i, key] of keys.entries()) {
      // Half are overwritten, the others removed.
      if (i % 2 === 0) await cache.set(key, version, "5m");
      else await cache.del(key);
      done.push(Date.now());
    }
    return done;
  },
  async fill({ keys, version }: { keys: string[]; version: number }): Promise<number> {
    return prune.setMany(keys.map((key) => ({ key, value: version, ttl: "5m" })));
  },
});
