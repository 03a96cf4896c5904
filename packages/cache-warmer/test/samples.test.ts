// The samples of the CRM, as its authors write them.

import { createCache, memoryStore } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createCacheWarmer } from "../src/index.ts";

it("runs every sample of the CRM", async () => {
  const cache = createCache({ store: memoryStore(), namespace: "crm" });
  const cacheWarmer = createCacheWarmer(cache);
  const companyQueries = { findAll: async (page: { page: number; limit: number }, _: object) => [page] };
  const logged: unknown[] = [];
  const logger = { info: (fields: object, message: string) => logged.push([fields, message]) };
  const expensiveComputation = async (): Promise<number> => 42;

  cacheWarmer.register({
    key: "companies:list:page:1",
    fetcher: async () => {
      return await companyQueries.findAll({ page: 1, limit: 20 }, {});
    },
    ttl: 300,
    priority: 9,
    category: "companies",
  });
  cacheWarmer.registerBatch([
    { key: "users:active", fetcher: async () => [], ttl: 300, priority: 8, category: "users" },
    { key: "projects:active", fetcher: async () => [], ttl: 300, priority: 7, category: "projects" },
  ]);
  cacheWarmer.register({
    key: "expensive:computation",
    fetcher: async () => {
      if (await cache.exists("expensive:computation")) {
        return null;
      }
      return await expensiveComputation();
    },
    ttl: 3600,
    priority: 10,
    category: "critical",
  });

  const warmed = await cacheWarmer.warmAll({ parallel: true, maxParallel: 5 });
  expect(warmed.successfulTasks).toBe(4);
  cacheWarmer.startBackgroundWarming(30);
  await cacheWarmer.warmCategory("companies", { parallel: true });
  await cacheWarmer.warmExpiringSoon(60);

  const metrics = cacheWarmer.getMetrics();
  logger.info({ metrics }, "Cache warming metrics");
  expect(Object.keys(metrics)).toEqual(
    expect.arrayContaining([
      ...["totalTasks", "successfulTasks", "failedTasks", "totalTime", "startedAt", "completedAt"],
    ]),
  );
  const tasksByCategory = cacheWarmer.getTasksByCategory();
  expect(tasksByCategory).toEqual({ companies: 1, users: 1, projects: 1, critical: 1 });
  await cacheWarmer.performStartupWarming();
  cacheWarmer.stopBackgroundWarming();
  expect(await cache.get("expensive:computation")).toBe(42);
  await cacheWarmer.close();
  await cache.close();
});
