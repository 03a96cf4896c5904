// A process that starts everything that goes on in the background of a warmer, and ends no part of it. It has to exit all the same.

import { createCache, memoryStore } from "@crm/cache-core";
import { createCacheWarmer } from "../../src/index.ts";

const cache = createCache({ store: memoryStore() });
const warmer = createCacheWarmer(cache, { hotKeys: true });
warmer.register({ key: "a", fetcher: () => 1, ttl: 60 });
warmer.register({ key: "hangs", fetcher: () => new Promise(() => {}), ttl: 60 });
warmer.startBackgroundWarming(0.0001);
warmer.startBackgroundWarming({ cron: "0 3 * * *", category: "x" });
void warmer.whenReady();
for (let n = 0; n < 100; n++) await cache.getOrSet("hot", () => n, 60);
process.stdout.write("done\n");
