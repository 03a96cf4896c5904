import { type AtomicOperation, createCache, type Logger, memoryStore } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createFencedValues } from "./fenced-values.ts";
import { fencedKey } from "./internal/lock-place.ts";

/** Puts a field under a key as somebody else might. */
const putField: AtomicOperation = {
  name: "putField",
  lua: "return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])",
  run(db, [key], [field, value]) {
    db.hset(key as string, field as string, Buffer.from(value as string, "latin1"));
    return 1;
  },
};

it("reads what is damaged as nothing, with a warning, and lets nobody write over a fence that it cannot read", async () => {
  const warnings: string[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (_, message) => void warnings.push(message),
    error() {},
  };
  const store = memoryStore();
  const cache = createCache({ store, logger });
  const values = createFencedValues(cache);
  const damage = (field: string, bytes: string) =>
    store.run(putField, [fencedKey(cache.internals.keys, "", "r")], [field, bytes]);

  expect(await values.write("r", { a: 1 }, 5, "1h")).toBe(true);
  await damage("v", "\u00fegarbage");
  expect(await values.read("r")).toBe(null);
  expect(await values.write("r", { a: 2 }, 4, "1h")).toBe(false);
  await damage("f", "many");
  expect(await values.read("r")).toBe(null);
  expect(warnings).toEqual(Array(2).fill("A fenced value is damaged; it is read as none"));
  await expect(values.write("r", { a: 2 }, 6, "1h")).rejects.toMatchObject({ code: "STORE_REPLY" });
  await expect(values.check("r", 6, "1h")).rejects.toMatchObject({ code: "STORE_REPLY" });
  await cache.close();
});
