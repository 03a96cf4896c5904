// A process that does nothing but wait for a run, in which tasks hang and fail: it must not end before the run does.

import { createCache, memoryStore } from "@crm/cache-core";
import { createCacheWarmer } from "../../src/index.ts";

const cache = createCache({ store: memoryStore() });
const warmer = createCacheWarmer(cache, { retryDelay: "100ms", retries: 1 });
warmer.register({ key: "hangs", fetcher: () => new Promise(() => {}), timeout: "200ms" });
warmer.register({ key: "throws", fetcher: () => Promise.reject(new Error("no")) });
const { failedTasks, retries } = await warmer.warmAll();
process.stdout.write(`${failedTasks} failed after ${retries} retries\n`);
