import { createCache, memoryStore } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createCacheInvalidator } from "../create-cache-invalidator.ts";

it("a search has the newest first, also where the outcome of an older one came last", async () => {
  const cache = createCache({ store: memoryStore() });
  const invalidator = createCacheInvalidator(cache, {
    rules: {
      invoices: {
        patterns: ["invoices:*"],
        async customHandler() {
          // The clock of records has milliseconds.
          const { timestamp } = invalidator.getHistory(1)[0] as { timestamp: Date };
          while (Date.now() <= timestamp.getTime()) await new Promise(setImmediate);
          await invalidator.invalidateOnUpdate("payments", "1");
          await invalidator.invalidateOnUpdate("payments", "2");
        },
      },
      payments: { patterns: ["payments:*"] },
    },
  });
  const names = async (limit?: number): Promise<string[]> =>
    (await invalidator.queryHistory({ limit })).map(
      ({ entityType, entityId }) => `${entityType}:${entityId}`,
    );
  try {
    await invalidator.ready();
    await invalidator.invalidateOnUpdate("invoices", "1");
    expect(await names()).toEqual(["payments:2", "payments:1", "invoices:1"]);
    expect(await names(1)).toEqual(["payments:2"]);
    const { removedBy } = await invalidator.explain("payments:7");
    expect(removedBy.map(({ entityId }) => entityId)).toEqual(["2", "1"]);
  } finally {
    await invalidator.close();
    await cache.close();
  }
});
