// A process that is killed while it fetches.

import { serveWorker } from "@crm/testkit";
import { createCache } from "../../src/index.ts";
import { redisStore } from "../../src/redis/index.ts";

const [url, namespace] = process.argv.slice(2);
const cache = createCache({
  store: redisStore({ url }),
  namespace,
  leaseTtl: "500ms",
  defaults: { ttl: "2s" },
});

serveWorker({
  async fetch({ keys, label }: { keys: number; label: number }): Promise<void> {
    let begun = 0;
    await new Promise<void>((resolve) => {
      for (let i = 0; i < keys; i++) {
        void cache.getOrSet(`dying:${label}:${i}`, () => {
          if (++begun === keys) resolve();
          return new Promise(() => {});
        });
      }
    });
  },
});
