import { createCache, memoryStore, type Store, StoreUnavailableError } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { describe, expect, it } from "vitest";
import { createCacheWarmer } from "./index.ts";

/** Longer than the run is given: who waits for a lease to end fails. */
const LEASE_MS = 60_000;
/** The run asks anew every quarter of a second, give or take a quarter of that. */
const ASKS_ANEW_MS = 350;

/** A store that does what it is asked, and whose first answers to an operation are lost, as those of a server that was stopped for a while. */
function losingReplies(inner: Store, operation: string, times: number): Store {
  let left = times;
  return new Proxy(inner, {
    get(target, name) {
      if (name === "run") {
        return async (...args: Parameters<Store["run"]>) => {
          const reply = await target.run(...args);
          if (args[0].name !== operation || left-- <= 0) return reply;
          throw new StoreUnavailableError({ operation, reason: "timeout" });
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

describe("a task that was granted by an answer that was lost", () => {
  it("is begun when it is asked for again, in the same place, not a lease later", async () => {
    const clock = createFakeClock();
    const cache = createCache({ store: losingReplies(memoryStore({ clock }), "stepTasks", 3), clock });
    const warmer = createCacheWarmer(cache, { maxParallel: 2, leaseTtl: LEASE_MS / 1_000 });
    let inFlight = 0;
    let most = 0;
    for (let n = 0; n < 5; n++) {
      const fetcher = async (): Promise<number> => {
        most = Math.max(most, ++inFlight);
        await new Promise<void>((resolve) => clock.after(10, resolve));
        inFlight--;
        return n;
      };
      warmer.register({ key: `k${n}`, ttl: "1h", fetcher });
    }
    const run = warmer.warmAll();
    await clock.advance(4 * ASKS_ANEW_MS);
    expect(warmer.getMetrics()).toMatchObject({ successfulTasks: 5, failedTasks: 0, skippedTasks: 0 });
    expect(most).toBe(2);
    await run;
    await warmer.close();
    await cache.close();
  });
});
