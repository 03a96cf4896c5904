import { type AtomicOperation, createCache, memoryStore, type Store } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createRateLimiter } from "../create-rate-limiter.ts";

/** A store that keeps the names of the scripts that ran. */
function recordingStore(): { store: Store; ran: string[] } {
  const store = memoryStore();
  const ran: string[] = [];
  const run: Store["run"] = (operation: AtomicOperation, ...rest) => {
    if (/^check/.test(operation.name)) ran.push(operation.name);
    return store.run(operation, ...rest);
  };
  const recording: Store = Object.create(store, { run: { value: run } });
  return { store: recording, ran };
}

it("calls of one turn are one script for records, and only those on an unusual one are asked again", async () => {
  const { store, ran } = recordingStore();
  const cache = createCache({ store });
  const limiter = createRateLimiter(
    cache,
    { a: { limit: 100, window: "1h" }, b: { limit: 100, window: "1d" } },
    { denyCache: false },
  );
  const turn = async (...subjects: string[]): Promise<string[]> => {
    ran.length = 0;
    // The first is asked by itself, since nothing is under way.
    await Promise.all(["alone", ...subjects].map((subject) => limiter.check(subject)));
    return ran.slice(1);
  };
  expect(await turn("x", "y", "x")).toEqual(["checkRecordCalls"]);
  expect((await limiter.peek("x")).limits.map(({ remaining }) => remaining)).toEqual([98, 98]);

  await limiter.block("y", "1h");
  // What lies on other records is judged all the same.
  expect(await turn("x", "y")).toEqual(["checkRecordCalls", "checkLimits"]);
  expect((await limiter.peek("x")).limits.map(({ remaining }) => remaining)).toEqual([97, 97]);
  expect((await limiter.peek("y")).limits.map(({ remaining }) => remaining)).toEqual([0, 0]);

  await limiter.unblock("y");
  expect(await turn("x", "y")).toEqual(["checkRecordCalls"]);
  expect((await limiter.peek("x")).limits.map(({ remaining }) => remaining)).toEqual([96, 96]);
  await cache.close();
});

it("a call by itself is asked twice at most", async () => {
  const { store, ran } = recordingStore();
  const cache = createCache({ store });
  const hour = { limit: 100, window: "1h" } as const;
  for (const [i, rules] of [
    { a: hour },
    { a: { ...hour, algorithm: "gcra" } },
    { a: hour, b: hour },
  ].entries()) {
    const limiter = createRateLimiter(cache, rules as { a: typeof hour }, {
      name: `l${i}`,
      denyCache: false,
    });
    await limiter.check("u");
    await limiter.block("u", "1h");
    ran.length = 0;
    expect((await limiter.check("u")).allowed).toBe(false);
    expect(ran).toEqual([["checkWindow", "checkBucketCalls", "checkRecordCalls"][i], "checkLimits"]);
  }
  await cache.close();
});

it("a cost above the limit of a rule in shadow mode is asked once", async () => {
  const { store, ran } = recordingStore();
  const cache = createCache({ store });
  const hour = { limit: 100, window: "1h" } as const;
  const limiter = createRateLimiter(cache, { a: hour, b: { ...hour, limit: 2, shadow: true } });
  expect((await limiter.check("x", { cost: 3 })).shadowed).toEqual(["b"]);
  expect((await limiter.check("x", { cost: 2 })).limits.map(({ remaining }) => remaining)).toEqual([95, 0]);
  expect(ran).toEqual(["checkLimits", "checkRecordCalls"]);
  await cache.close();
});

it("calls that only look, or have other rules, take the whole turn to the script for any rules", async () => {
  const { store, ran } = recordingStore();
  const cache = createCache({ store });
  const limiter = createRateLimiter(cache, { a: { limit: 3, window: "1h" } }, { denyCache: false });
  await limiter.check("alone");
  ran.length = 0;
  const [first, peeked, second] = await Promise.all([
    limiter.check("x"),
    limiter.peek("x"),
    limiter.check("x"),
  ]);
  expect(ran).toEqual(["checkWindow", "checkLimits"]);
  expect([first, peeked, second].map(({ remaining }) => remaining)).toEqual([2, 2, 1]);
  await cache.close();
});
