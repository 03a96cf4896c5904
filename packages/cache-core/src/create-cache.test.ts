import { describe, expect, it } from "vitest";
import { createCache } from "./create-cache.ts";
import { memoryStore } from "./memory-store.ts";
import { createFakeClock } from "./testing/create-fake-clock.ts";

describe("createCache", () => {
  it("names the cache, and gives packages that extend it what they build on", async () => {
    const store = memoryStore();
    const cache = createCache({ store });
    expect(cache.namespace).toBe("cache");
    expect(cache.internals).toMatchObject({ store, prefix: "" });
    expect(cache.scope("a").internals.prefix).toBe("\u001fa\u001f");
    expect(cache.scope("a").scope("b").internals.prefix).toBe("\u001fa\u001eb\u001f");
    await cache.close();
  });

  it("closes a shared store with the last of its caches", async () => {
    const store = memoryStore();
    const [one, two] = [createCache({ store }), createCache({ store })];
    await one.close();
    expect(store.available).toBe(true);
    await two.close();
    expect(store.available).toBe(false);
  });

  it("does not hold a store open when its options are refused", async () => {
    const store = memoryStore();
    expect(() => createCache({ store, leaseTtl: 1e9 })).toThrow();
    await createCache({ store }).close();
    expect(store.available).toBe(false);
  });

  it("leaves no timer behind", async () => {
    const clock = createFakeClock();
    const cache = createCache({ store: memoryStore({ clock }), clock, memory: true });
    await cache.getOrSet("k", () => 1, 60);
    await cache.lease("other").then((lease) => lease.release());
    await cache.close();
    await clock.advance(10_000);
    expect(clock.pendingTimers).toBe(0);
  });
});
