import { beforeEach, expect, it } from "vitest";
import type { Cache } from "../cache.ts";
import { createCache } from "../create-cache.ts";
import { StoreUnavailableError } from "../errors.ts";
import { memoryStore } from "../memory-store.ts";
import type { Store } from "../store.ts";
import { makeForeign } from "../testing/contract/suite.ts";
import { createFakeClock } from "../testing/create-fake-clock.ts";

const clock = createFakeClock();
let sent: string[];
let refused: string[];
let store: Store;
let cold: Cache;
let other: Cache;

/** Notes what is asked of a store, which refuses to run some operations. */
function watched(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name === "get" || name === "run")
        return (...args: Parameters<Store["run"]>) => {
          const asked = name === "get" ? name : args[0].name;
          sent.push(asked);
          if (refused.includes(asked))
            return Promise.reject(new StoreUnavailableError({ operation: asked, reason: "readonly" }));
          return value.apply(target, args);
        };
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

beforeEach(async () => {
  store = memoryStore({ clock });
  sent = [];
  refused = [];
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

/** What a cache tells of its reads and fetches from now on. */
function listen(cache: Cache): string[] {
  const told: string[] = [];
  for (const event of ["entry:hit", "entry:miss", "fetch:start", "fetch:join"] as const)
    cache.on(event, ({ key }) => told.push(`${event} ${key}`));
  return told;
}

it("counts and tells what was met, and before the fetch", async () => {
  const told = listen(cold);
  const before = await cold.getStats();
  await Promise.all([cold.getOrSet("a", () => 1, 60), cold.getOrSet("a", () => 1, 60)]);
  expect(told).toEqual(["entry:miss a", "entry:miss a", "fetch:join a", "fetch:start a"]);
  told.length = 0;
  await Promise.all([cold.getOrSet("cold:7", () => 1, 60), cold.getOrSet("cold:7", () => 1, 60)]);
  expect(told).toEqual(["entry:hit cold:7", "entry:hit cold:7"]);
  const { hits, misses } = await cold.getStats();
  expect([hits - before.hits, misses - before.misses]).toEqual([2, 2]);
});

it("who joins a fetch is counted while it runs", async () => {
  const told = listen(cold);
  let resolve: (value: number) => void = () => {};
  const fetched = new Promise<number>((settle) => {
    resolve = settle;
  });
  const calls = [cold.getOrSet("a", () => fetched, 60)];
  await clock.advance(1);
  calls.push(cold.getOrSet("a", () => 2, 60));
  await clock.advance(1);
  expect(told).toEqual(["entry:miss a", "fetch:start a", "entry:miss a", "fetch:join a"]);
  resolve(1);
  expect(await Promise.all(calls)).toEqual([1, 1]);
  expect(told).toHaveLength(4);
});

it("who waits for a fetch of another process has missed, and so has who waits with it", async () => {
  const told = listen(cold);
  let resolve: (value: number) => void = () => {};
  const fetched = new Promise<number>((settle) => {
    resolve = settle;
  });
  const theirs = other.getOrSet("a", () => fetched, 60);
  await clock.advance(1);
  const ours = Promise.all([cold.getOrSet("a", () => 2, 60), cold.getOrSet("a", () => 2, 60)]);
  await clock.advance(1);
  resolve(1);
  expect([await theirs, await ours]).toEqual([1, [1, 1]]);
  expect(told.filter((each) => !each.startsWith("fetch:join"))).toEqual(["entry:miss a", "entry:miss a"]);
});

it("a fetcher that asks for its own key has missed it", async () => {
  const told = listen(cold);
  await expect(cold.getOrSet("a", () => cold.getOrSet("a", () => 1, 60), 60)).rejects.toMatchObject({
    code: "FETCH_CYCLE",
  });
  expect(told).toEqual(["entry:miss a", "fetch:start a", "entry:miss a"]);
});

it("who forces a refresh is not given the entry that a reader beside it has found", async () => {
  const read = cold.getOrSet("cold:7", () => "unused", 60);
  const options = { ttl: 60, forceRefresh: true };
  expect(await cold.getOrSet("cold:7", () => "forced", options)).toBe("forced");
  expect(await read).toBe(7);
  expect(await cold.get("cold:7")).toBe("forced");
});

it("many keys that are refreshed by force are one batch, whoever reads them", async () => {
  const keys = ["cold:7", "cold:8"];
  const reads = Promise.all(keys.map((key) => cold.getOrSet(key, () => "unused", 60)));
  const batches: (readonly string[])[] = [];
  const fetchMany = async (asked: readonly string[]): Promise<string[]> => {
    batches.push(asked);
    return asked.map((key) => `forced ${key}`);
  };
  const options = { ttl: 60, forceRefresh: true };
  expect(await cold.getOrSetMany(keys, fetchMany, options)).toEqual(["forced cold:7", "forced cold:8"]);
  expect(batches).toEqual([keys]);
  await reads;
});

it("a refill replaces the entry that a reader beside it has found", async () => {
  const { refill, refillMany } = cold.internals;
  const newerThan = Number.MAX_SAFE_INTEGER;
  const one = cold.getOrSet("cold:7", () => "unused", 60);
  expect(await refill({ key: "cold:7", fetcher: () => "new", options: 60, newerThan })).toMatchObject({
    outcome: "stored",
  });
  expect(await one).toBe(7);
  await cold.getOrSet("b", () => 1, 60);
  for (let i = 0; i < 32; i++) await cold.getOrSet(`colder:${i}`, () => i, 60);
  const other = cold.getOrSet("cold:8", () => "unused", 60);
  const fetcher = async (keys: readonly string[]): Promise<string[]> => keys.map(() => "new");
  expect(await refillMany({ keys: ["cold:8"], fetcher, options: 60, newerThan })).toMatchObject([
    { outcome: "stored" },
  ]);
  await other;
});

it("what is stored is served while the store refuses writes", async () => {
  refused = ["takeLeases"];
  expect(await cold.getOrSet("cold:7", () => "fetched", 60)).toBe(7);
  expect(await cold.getOrSet("a", () => "fetched", 60)).toBe("fetched");
});

it("what is stored is served while an invalidation of something else waits", async () => {
  refused = ["invalidateTag"];
  await expect(cold.invalidateByTag("unrelated")).rejects.toMatchObject({ code: "INVALIDATION_PENDING" });
  expect(await cold.getOrSet("cold:7", () => "fetched", 60)).toBe(7);
  refused = [];
  await clock.advance(1_000);
});

it("a key of another type is told", async () => {
  const told: string[] = [];
  cold.on("store:warning", ({ code }) => told.push(code));
  await store.run(makeForeign, [cold.internals.keys.entry("a")], []);
  expect(await cold.getOrSet("a", () => "fetched", 60)).toBe("fetched");
  expect(told).toEqual(["FOREIGN_TYPE"]);
  expect(await cold.get("a")).toBe("fetched");
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
