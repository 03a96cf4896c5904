import { createCache, memoryStore, type Store, StoreUnavailableError, systemClock } from "@crm/cache-core";
import { describe, expect, it } from "vitest";
import { createCacheWarmer } from "./index.ts";

/** A store some of whose scripts fail while the rest of it is well, as a slot of a Cluster that is being moved. */
function failing(
  operation: string,
  times: number,
  when: "before" | "after" = "before",
  store: Store = memoryStore(),
): Store {
  let left = times;
  return new Proxy(store, {
    get(target, name) {
      if (name === "run") {
        return async (...args: Parameters<Store["run"]>) => {
          const fails = args[0].name === operation && left-- > 0;
          if (!fails || when === "after") {
            const reply = await target.run(...args);
            if (!fails) return reply;
          }
          throw new StoreUnavailableError({ operation, reason: "error" });
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a value that the store neither took nor refused", () => {
  async function warm(store: Store): Promise<{ loads: number; outcome: object }> {
    const cache = createCache({ store });
    const warmer = createCacheWarmer(cache, { retryDelay: "1ms" });
    let loads = 0;
    warmer.register({ key: "a", ttl: 60, fetcher: () => ++loads });
    const { successfulTasks, retries, skips, failures } = await warmer.warmAll();
    expect([await cache.get("a"), failures]).toEqual([1, []]);
    await warmer.close();
    await cache.close();
    return { loads, outcome: { successfulTasks, retries, skips } };
  }

  it("is offered again, not loaded again, when the store has failed", async () => {
    const outcome = { successfulTasks: 1, retries: 0, skips: {} };
    expect(await warm(failing("fillEntries", 3))).toEqual({ loads: 1, outcome });
  });

  it("is offered again for the keys of a family, too", async () => {
    const cache = createCache({ store: failing("fillEntries", 3) });
    const warmer = createCacheWarmer(cache, { retryDelay: "1ms" });
    const wanted: string[] = [];
    warmer.registerFamily({
      ...{
        name: "family",
        ttl: 60,
        batchSize: 10,
        keys: async function* () {
          yield* ["a", "b", "c"];
        },
      },
      batchFetcher: async (keys) => {
        wanted.push(...keys);
        return keys;
      },
    });
    const { successfulTasks, retries, failures } = await warmer.warmAll();
    expect({ wanted, successfulTasks, retries, failures }).toEqual({
      ...{ wanted: ["a", "b", "c"], successfulTasks: 1, retries: 0, failures: [] },
    });
    expect(await cache.getMany(["a", "b", "c"])).toEqual(["a", "b", "c"]);
    await warmer.close();
    await cache.close();
  });

  it("is found when only the answer was lost", async () => {
    const outcome = { successfulTasks: 0, retries: 1, skips: { warm: 1 } };
    expect(await warm(failing("fillEntries", 1, "after"))).toEqual({ loads: 1, outcome });
    // Also what was stored in the millisecond in which the run began.
    const stopped = memoryStore({ clock: { ...systemClock, wall: () => 1_000 } });
    expect(await warm(failing("fillEntries", 1, "after", stopped))).toEqual({ loads: 1, outcome });
  });

  it("is not loaded as long as nobody may store it", async () => {
    const outcome = { successfulTasks: 1, retries: 1, skips: {} };
    expect(await warm(failing("takeLeases", 1))).toEqual({ loads: 1, outcome });
  });

  for (const operation of ["takeLeases", "fillEntries"]) {
    it(`is a failure of the store where ${operation} fails for good`, async () => {
      const cache = createCache({ store: failing(operation, Number.POSITIVE_INFINITY), leaseTtl: "250ms" });
      const warmer = createCacheWarmer(cache, { retryDelay: "1ms", retries: 1 });
      warmer.register({ key: "a", ttl: 60, fetcher: () => 1 });
      const { failures, skips } = await warmer.warmAll();
      expect([failures.map(({ reason }) => reason), skips]).toEqual([["store"], {}]);
      await warmer.close();
      await cache.close();
    });
  }
});
