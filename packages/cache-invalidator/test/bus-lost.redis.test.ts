// The bus is deleted, emptied or trimmed under the invalidators that read it.

import { setTimeout as sleep } from "node:timers/promises";
import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, startRedis, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createCacheInvalidator, type HistoryOptions } from "../src/index.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis({ control: true });
});
afterAll(() => redis.stop());

function open(namespace: string, history: HistoryOptions = {}) {
  const store = redisStore({ url: redis.url, commandTimeout: "2s", invalidationTimeout: "5s" });
  const cache = createCache({ store, namespace, memory: true });
  const invalidator = createCacheInvalidator(cache, {
    rules: { companies: { patterns: ["companies:{id}", "companies:list:*"] } },
    history,
  });
  return {
    cache,
    invalidator,
    ids: () => invalidator.getHistory(10_000).map(({ entityId }) => entityId),
    async [Symbol.asyncDispose]() {
      await invalidator.close();
      await cache.close();
    },
  };
}

describe.each([
  ["its key is deleted", (bus: string) => redis.client().then((client) => client.del(bus))],
  ["everything is deleted", () => redis.client().then((client) => client.flushall())],
  [
    "it is trimmed to nothing",
    (bus: string) => redis.client().then((client) => client.xtrim(bus, "MAXLEN", 0)),
  ],
])("the bus is lost: %s", (name, lose) => {
  it("what follows is on record, found, and takes effect everywhere; what was known stays known", async () => {
    const namespace = `lost-${name.length}`;
    await using a = open(namespace);
    await using b = open(namespace);
    let version = 0;
    const read = ({ cache }: typeof a) => cache.getOrSet("companies:1", () => version, "10m");
    await Promise.all(
      [a, b].map(({ cache, invalidator }) => Promise.all([cache.ready(), invalidator.ready()])),
    );
    const change = async ({ invalidator }: typeof a): Promise<void> => {
      version++;
      await invalidator.invalidateOnUpdate("companies", "1", undefined, { cause: String(version) });
    };
    await read(b);
    for (let n = 0; n < 5; n++) await change(a);
    // It has heard of them, and nobody has asked for its history.
    await waitFor(async () => (await read(b)) === version);
    for (let round = 1; round <= 2; round++) {
      await lose(`${namespace}:1b`);
      expect(await read(b)).toBe(version);
      // At once, before anybody has noticed, and after a while.
      await change(a);
      expect(await read(a)).toBe(version);
      await waitFor(async () => (await read(b)) === version);
      // Two processes know the server's time to a millisecond or two.
      await sleep(10);
      await change(b);
      expect(await read(b)).toBe(version);
      await waitFor(async () => (await read(a)) === version);
      await sleep(400);
      await change(a);
      const expected = Array.from({ length: 3 }, (_, n) => String(version - n));
      for (const { invalidator, ids } of [a, b]) {
        await waitFor(async () => {
          const found = await invalidator.queryHistory();
          return found.length === 3 && found.every(({ cause }, i) => cause === expected[i]);
        });
        await waitFor(() => ids().length === 5 + 3 * round);
        const causes = invalidator.getHistory(10_000).map(({ cause }) => cause);
        expect(causes).toEqual(Array.from({ length: version }, (_, n) => String(version - n)));
        const { totalInvalidations, byEntity } = invalidator.getStats();
        expect([totalInvalidations, byEntity.companies]).toEqual([version, version]);
        expect((await invalidator.explain("companies:1", 1)).removedBy[0]?.cause).toBe(String(version));
      }
      await waitFor(async () => (await read(b)) === version && (await read(a)) === version);
    }
  });
});

describe("the history while it is trimmed", () => {
  it("by count: each search is in order, names each once, and has what is promised", async () => {
    await using writer = open("trimmed", { maxRecords: 400 });
    await using reader = open("trimmed", { maxRecords: 400, localRecords: 50 });
    await Promise.all([writer, reader].map(({ invalidator }) => invalidator.ready()));
    let acknowledged = -1;
    const writing = (async () => {
      for (let n = 0; n < 1_500; n++) {
        await writer.invalidator.invalidateOnUpdate("companies", n);
        acknowledged = n;
      }
    })();
    let searches = 0;
    for (let over = false; !over; ) {
      over = acknowledged === 1_499;
      const before = acknowledged;
      const found = (await reader.invalidator.queryHistory({ limit: 10_000 })).map(({ entityId }) =>
        Number(entityId),
      );
      searches++;
      expect(found).toEqual(found.toSorted((one, other) => other - one));
      expect(new Set(found).size).toBe(found.length);
      const after = acknowledged;
      // What was acknowledged before it began, and is not past the promised number at its end.
      for (let n = Math.max(0, after - 400 + 2); n <= before; n++) expect(found).toContain(n);
      await sleep(5);
    }
    await writing;
    expect(searches).toBeGreaterThan(5);
  }, 60_000);

  it("by age: what is older is not named, though nothing has trimmed it yet", async () => {
    await using it = open("aged", { maxAge: "1s" });
    await it.invalidator.invalidateOnUpdate("companies", "1");
    expect(it.ids()).toEqual(["1"]);
    expect((await it.invalidator.explain("companies:1")).removedBy.length).toBe(1);
    await waitFor(() => it.ids().length === 0, { timeoutMs: 3_000 });
    expect(await it.invalidator.queryHistory()).toEqual([]);
    expect((await it.invalidator.explain("companies:1")).removedBy).toEqual([]);
    expect(it.invalidator.getStats().totalInvalidations).toBe(1);
    await it.invalidator.invalidateOnUpdate("companies", "2");
    expect(it.ids()).toEqual(["2"]);
  });
});
