import { createCache, memoryStore } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createCacheInvalidator } from "../create-cache-invalidator.ts";

/** A memory store that answers as a server does, later, and counts how many units ask at a time what depends on them. */
function slowStore(): { store: ReturnType<typeof memoryStore>; most: () => number } {
  const store = memoryStore();
  const run = store.run.bind(store);
  let asked = 0;
  let most = 0;
  store.run = async (...args) => {
    const isFirst = args[0].name === "listEntries";
    if (isFirst) most = Math.max(most, ++asked);
    await new Promise((resolve) => setImmediate(resolve));
    try {
      return await run(...args);
    } finally {
      if (isFirst) asked--;
    }
  };
  return { store, most: () => most };
}

it("a burst does not go to the store at once, where the last would miss their deadline", async () => {
  const { store, most } = slowStore();
  const cache = createCache({ store });
  const handled: string[] = [];
  const invalidator = createCacheInvalidator(cache, {
    rules: {
      users: {
        patterns: ["users:{id}"],
        // Each waits for one more of its kind: none of them may hold a place meanwhile.
        customHandler: async (id) => {
          handled.push(id);
          if (!id.startsWith("n")) await invalidator.invalidateOnUpdate("users", `n${id}`);
        },
      },
    },
  });
  await Promise.all(Array.from({ length: 400 }, (_, i) => invalidator.invalidateOnUpdate("users", i)));
  expect(handled.length).toBe(800);
  expect(invalidator.getStats().totalInvalidations).toBe(800);
  // Each asks for two dependencies: of the entity, and of the one.
  expect(most()).toBe(2 * 128);
  await invalidator.close();
  await cache.close();
});
