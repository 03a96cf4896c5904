import { beforeEach, expect, it } from "vitest";
import type { Cache } from "../cache.ts";
import { createCache } from "../create-cache.ts";
import { memoryStore } from "../memory-store.ts";
import type { Store } from "../store.ts";
import { createFakeClock } from "../testing/create-fake-clock.ts";

const clock = createFakeClock();
let sent: string[];
let cold: Cache;
let other: Cache;

/** Notes what is asked of a store. */
function watched(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name === "get" || name === "run")
        return (...args: Parameters<Store["run"]>) => {
          sent.push(name === "get" ? name : args[0].name);
          return value.apply(target, args);
        };
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

beforeEach(async () => {
  const store = memoryStore({ clock });
  sent = [];
  other = createCache({ store, clock });
  cold = createCache({ store: watched(store), clock });
  for (let i = 0; i < 32; i++) await cold.getOrSet(`cold:${i}`, () => i, 60);
  sent = [];
});

it("a cold cache asks for the lease at once, one that finds something looks first", async () => {
  await cold.getOrSet("a", () => 1, 60);
  expect(sent).toEqual(["takeLeases", "fillEntries"]);
  sent = [];
  expect(await cold.getOrSet("cold:5", () => "fetched again", 60)).toBe(5);
  expect(sent).toEqual(["takeLeases"]);
  sent = [];
  await cold.getOrSet("b", () => 1, 60);
  expect(sent).toEqual(["get", "takeLeases", "fillEntries"]);
});

it("an entry that is stale is served at once, and refreshed in the background", async () => {
  await other.set("old", "old value", { ttl: 1, staleTtl: 60 });
  await clock.advance(2_000);
  let resolve: (value: string) => void = () => {};
  const fetched = new Promise<string>((settle) => {
    resolve = settle;
  });
  expect(await cold.getOrSet("old", () => fetched, 60)).toBe("old value");
  resolve("new value");
  await clock.advance(10);
  expect(await cold.get("old")).toBe("new value");
});

it("an entry that is stale is served at once also while another process fetches", async () => {
  await other.set("old", "old value", { ttl: 1, staleTtl: 60 });
  await clock.advance(2_000);
  let resolve: (value: string) => void = () => {};
  const fetched = new Promise<string>((settle) => {
    resolve = settle;
  });
  await other.getOrSet("old", () => fetched, 60);
  expect(await cold.getOrSet("old", () => "own", 60)).toBe("old value");
  resolve("new value");
});

it("nobody waits for a lease that was taken where an entry is stale", async () => {
  await other.set("old", "old value", { ttl: 1, staleTtl: 60 });
  await clock.advance(2_000);
  await cold.getOrSet("old", () => Promise.reject(new Error("away")), 60);
  await clock.advance(10);
  expect(await other.getOrSet("old", () => "new value", { ttl: 60, forceRefresh: true })).toBe("new value");
});

it("counts and tells what was met, and before the fetch", async () => {
  const told: string[] = [];
  for (const event of ["entry:hit", "entry:miss", "fetch:start", "fetch:join"] as const)
    cold.on(event, ({ key }) => told.push(`${event} ${key}`));
  const before = await cold.getStats();
  await Promise.all([cold.getOrSet("a", () => 1, 60), cold.getOrSet("a", () => 1, 60)]);
  expect(told).toEqual(["fetch:join a", "entry:miss a", "fetch:start a", "entry:miss a"]);
  told.length = 0;
  await cold.getOrSet("cold:7", () => 1, 60);
  expect(told).toEqual(["entry:hit cold:7"]);
  const { hits, misses } = await cold.getStats();
  expect([hits - before.hits, misses - before.misses]).toEqual([1, 2]);
});

it("a schema that refuses what is found fetches", async () => {
  const schema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) =>
        typeof value === "string" ? { value } : { issues: [{ message: "no text" }] },
    },
  } as const;
  expect(await cold.getOrSet("cold:9", () => "text", { ttl: 60, schema })).toBe("text");
});

it("early refresh needs its look", async () => {
  await cold.getOrSet("a", () => 1, { ttl: 60, earlyRefresh: 1 });
  expect(sent).toEqual(["get", "takeLeases", "fillEntries"]);
});
