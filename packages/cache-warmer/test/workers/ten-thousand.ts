// Rounds of registering and warming ten thousand tasks, in a process that does nothing else; the first one is that of a process that has
// just started. Prints the ms of each as JSON.

import { type Cache, createCache, memoryStore } from "@crm/cache-core";
import { createCacheWarmer, type WarmingTask } from "../../src/index.ts";

const TASKS = 10_000;
const PARALLEL = 10;
const ROUNDS = 9;

function tasks(): WarmingTask[] {
  return Array.from({ length: TASKS }, (_, n) => ({
    key: `companies:list:page:${n}`,
    fetcher: async () => n,
    ttl: 300,
    priority: 1 + (n % 10),
    category: `c${n % 7}`,
  }));
}

/** What the same loads cost without a warmer: the fenced fill alone, as many in flight. */
async function bare(cache: Cache): Promise<number> {
  const { internals } = cache;
  const list = tasks();
  let next = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let task = list[next++]; task !== undefined; task = list[next++]) {
        const { key, fetcher } = task;
        const options = { ttl: 300, hardTimeout: "30s" } as const;
        await internals.refill({ key, fetcher: fetcher as () => unknown, options, newerThan: 0 });
      }
    }),
  );
  return performance.now() - began;
}

const rounds = {
  batch: [] as number[],
  oneByOne: [] as number[],
  warmed: [] as number[],
  bare: [] as number[],
};
for (let round = 0; round < ROUNDS; round++) {
  const cache = createCache({ store: memoryStore(), namespace: "many" });
  const warmer = createCacheWarmer(cache, { limiter: false });
  const list = tasks();
  let began = performance.now();
  warmer.registerBatch(list);
  rounds.batch.push(performance.now() - began);
  began = performance.now();
  const { successfulTasks } = await warmer.warmAll({ maxParallel: PARALLEL });
  rounds.warmed.push(performance.now() - began);
  if (successfulTasks !== TASKS) throw new Error(`Only ${successfulTasks} of ${TASKS} tasks were loaded`);
  await warmer.close();
  await cache.close();
  const other = createCache({ store: memoryStore(), namespace: "many" });
  rounds.bare.push(await bare(other));
  const second = createCacheWarmer(other);
  const again = tasks();
  began = performance.now();
  for (const task of again) second.register(task);
  rounds.oneByOne.push(performance.now() - began);
  await second.close();
  await other.close();
}
process.stdout.write(JSON.stringify(rounds));
