import { createCache, memoryStore, type Store, StoreUnavailableError } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { describe, expect, it } from "vitest";
import { lockActions } from "./lock-actions.ts";

describe("lockActions", () => {
  it("gives back what an unanswered call has taken as soon as the store answers", async () => {
    const clock = createFakeClock();
    const inner = memoryStore({ clock });
    let away = false;
    const store: Store = {
      ...inner,
      async run(operation, ...rest) {
        if (!away) return inner.run(operation, ...rest);
        // What takes a lock arrives, and its answer is lost; nothing else arrives.
        if (operation.name === "acquireLock") await inner.run(operation, ...rest);
        throw new StoreUnavailableError({ operation: operation.name, reason: "timeout" });
      },
    };
    const cache = createCache({ store, clock }).extend(lockActions());
    const other = createCache({ store: inner, clock }).extend(lockActions());
    away = true;
    await expect(cache.acquireLock("a", "1h")).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    expect(await other.acquireLock("a", "1h")).toBe(null);
    await clock.advance(1_000);
    away = false;
    await clock.advance(200);
    expect(await other.acquireLock("a", "1h")).not.toBe(null);
    expect(clock.pendingTimers).toBe(0);
  });

  it("remembers what it cannot give back for no longer than it may stand", async () => {
    const clock = createFakeClock();
    const store: Store = {
      ...memoryStore({ clock }),
      available: false,
      run: ({ name }) => Promise.reject(new StoreUnavailableError({ operation: name, reason: "timeout" })),
    };
    const cache = createCache({ store, clock }).extend(lockActions());
    await expect(cache.acquireLock("a", 30)).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await clock.advance(59_000);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1_500);
    expect(clock.pendingTimers).toBe(0);
  });
});
