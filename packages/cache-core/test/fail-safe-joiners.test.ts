// Who joins a fetch that fails, or is slow, gets the previous value like the one who started it, also when its own look at
// the store had no answer; and never one that was invalidated before it came.

import { expect, test } from "vitest";
import { type Cache, createCache, memoryStore, type Store, StoreUnavailableError } from "../src/index.ts";
import { createFakeClock } from "../src/testing/index.ts";

const OPTIONS = { ttl: "20ms", failSafeTtl: "60s" } as const;

/** A cache with an expired entry "old", whose reads can be made to fail. */
async function expired(): Promise<{
  cache: Cache;
  clock: ReturnType<typeof createFakeClock>;
  sick: (sick: boolean) => void;
}> {
  const clock = createFakeClock();
  const memory = memoryStore({ clock });
  let readsFail = false;
  const store: Store = {
    ...memory,
    get: (key) =>
      readsFail
        ? Promise.reject(new StoreUnavailableError({ operation: "get", reason: "timeout" }))
        : memory.get(key),
  };
  const cache = createCache({ store, namespace: "n", clock, memory: false });
  await cache.getOrSet("k", () => "old", OPTIONS);
  await clock.advance(50);
  return {
    cache,
    clock,
    sick(sick) {
      readsFail = sick;
    },
  };
}

/** A fetch that ends when it is told to. */
function fetch(): { fetcher: () => Promise<string>; begun: Promise<void>; fail: () => void } {
  let fail: () => void = () => {};
  let begin: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const fetcher = (): Promise<string> =>
    new Promise((_, reject) => {
      fail = () => reject(new Error("no source"));
      begin();
    });
  return { fetcher, begun, fail: () => fail() };
}

test("a joiner whose own look failed gets the previous value when the fetch fails, as its starter does", async () => {
  const { cache, sick } = await expired();
  const { fetcher, begun, fail } = fetch();
  const starter = cache.getOrSet("k", fetcher, OPTIONS);
  await begun;
  sick(true);
  const joiner = cache.getOrSet("k", fetcher, OPTIONS);
  await new Promise((resolve) => setImmediate(resolve));
  fail();
  expect(await Promise.all([starter, joiner])).toEqual(["old", "old"]);
  await cache.close();
});

test("so does a starter whose own look failed", async () => {
  const { cache, sick } = await expired();
  sick(true);
  expect(await cache.getOrSet("k", () => Promise.reject(new Error("no source")), OPTIONS)).toBe("old");
  await cache.close();
});

test("a joiner's soft timeout serves what the starter's would", async () => {
  const { cache, clock, sick } = await expired();
  const { fetcher, begun, fail } = fetch();
  const options = { ...OPTIONS, softTimeout: "30ms" } as const;
  sick(true);
  // Both come before anything is asked: what stood when the lease was granted is newer than their calls.
  const both = Promise.all([cache.getOrSet("k", fetcher, options), cache.getOrSet("k", fetcher, options)]);
  await begun;
  await clock.advance(31);
  expect(await both).toEqual(["old", "old"]);
  fail();
  await cache.close();
});

test("a joiner that comes after an invalidation is never served what was invalidated", async () => {
  const { cache, sick } = await expired();
  const { fetcher, begun, fail } = fetch();
  const starter = cache.getOrSet("k", fetcher, OPTIONS);
  await begun;
  await cache.del("k");
  sick(true);
  let own = 0;
  const joiner = cache.getOrSet(
    "k",
    () => {
      own++;
      return "new";
    },
    OPTIONS,
  );
  await new Promise((resolve) => setImmediate(resolve));
  fail();
  await starter.catch(() => {});
  expect(await joiner).toBe("new");
  expect(own).toBe(1);
  await cache.close();
});

test("who forces a refresh is told that it failed", async () => {
  const { cache } = await expired();
  const failing = cache.getOrSet("k", () => Promise.reject(new Error("no source")), {
    ...OPTIONS,
    forceRefresh: true,
  });
  await expect(failing).rejects.toThrow("no source");
  await cache.close();
});

test("a joiner who comes after an invalidation gets no value that stood before it, however late the lease is granted", async () => {
  const clock = createFakeClock();
  const memory = memoryStore({ clock });
  let answer: () => void = () => {};
  const late = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked: () => void = () => {};
  const taken = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const slow: Store = {
    ...memory,
    async run(operation, ...rest) {
      const reply = await memory.run(operation, ...rest);
      if (operation.name !== "takeLeases") return reply;
      asked();
      await late;
      return reply;
    },
  };
  const other = createCache({ store: memory, namespace: "n", clock, memory: false });
  const cache = createCache({ store: slow, namespace: "n", clock, memory: false });
  await other.getOrSet("k", () => "old", OPTIONS);
  const { fetcher, begun, fail } = fetch();
  const starter = cache.getOrSet("k", fetcher, { ...OPTIONS, forceRefresh: true }).catch(() => "failed");
  await taken;
  await other.del("k");
  const joiner = cache.getOrSet("k", fetcher, OPTIONS).catch(() => "failed");
  await new Promise((resolve) => setImmediate(resolve));
  answer();
  await begun;
  fail();
  expect(await joiner).toBe("failed");
  await starter;
  await cache.close();
  await other.close();
});
