import { createCache, memoryStore, type Store, StoreUnavailableError } from "@crm/cache-core";
import { describe, expect, it } from "vitest";
import { createCacheWarmer } from "./index.ts";

/** A store some of whose scripts fail while the rest of it is well, as a slot of a Cluster that is being moved. */
function failing(operation: string, times: number): Store {
  const store = memoryStore();
  let left = times;
  return new Proxy(store, {
    get(target, name) {
      if (name === "run") {
        return (...args: Parameters<Store["run"]>) =>
          args[0].name === operation && left-- > 0
            ? Promise.reject(new StoreUnavailableError({ operation, reason: "error" }))
            : target.run(...args);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a value that the store neither took nor refused", () => {
  for (const operation of ["takeLeases", "fillEntries"]) {
    it(`is loaded again when ${operation} has failed, and nothing is said to be newer`, async () => {
      const cache = createCache({ store: failing(operation, 1) });
      const warmer = createCacheWarmer(cache, { retryDelay: "1ms" });
      warmer.register({ key: "a", ttl: 60, fetcher: () => 1 });
      expect(await warmer.warmAll()).toMatchObject({ successfulTasks: 1, retries: 1, skips: {} });
      expect(await cache.get("a")).toBe(1);
      await warmer.close();
      await cache.close();
    });

    it(`is a failure of the store where ${operation} fails for good`, async () => {
      const cache = createCache({ store: failing(operation, Number.POSITIVE_INFINITY) });
      const warmer = createCacheWarmer(cache, { retryDelay: "1ms", retries: 1 });
      warmer.register({ key: "a", ttl: 60, fetcher: () => 1 });
      const { failures, skips } = await warmer.warmAll();
      expect([failures.map(({ reason }) => reason), skips]).toEqual([["store"], {}]);
      await warmer.close();
      await cache.close();
    });
  }
});
