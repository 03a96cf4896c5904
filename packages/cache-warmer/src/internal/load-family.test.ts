import { createCache, memoryStore } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { expect, it } from "vitest";
import { createCacheWarmer } from "../index.ts";
import { checkFamily } from "./check-task.ts";
import type { LoadEnd } from "./gradient-limiter.ts";
import { loadFamily } from "./load-family.ts";
import { WAIT_MS } from "./load-task.ts";

const TIMEOUT_MS = 1_000;

/** Loads a family of one key, whose lease is not granted for so long. Tells how its batch was timed, and what became of it. */
async function loadAfter(leaseMs: number, batchMs: number) {
  const clock = createFakeClock();
  let blocked = false;
  const turn = (): Promise<void> =>
    blocked ? new Promise((resolve) => clock.after(leaseMs, resolve)) : Promise.resolve();
  const cache = createCache({ store: memoryStore({ clock, turn }), clock });
  const timings: string[] = [];
  const asked: string[] = [];
  const record = checkFamily({
    name: "f",
    keys() {
      blocked = true;
      return ["a"];
    },
    batchFetcher(keys) {
      blocked = false;
      asked.push(...keys);
      return new Promise((resolve) => clock.after(batchMs, () => resolve(["late"])));
    },
  });
  const work = loadFamily({
    ...{ internals: cache.internals, clock, record, timeoutMs: TIMEOUT_MS, newerThan: -1, only: undefined },
    ...{ signal: new AbortController().signal, onFresh: () => {}, again: async () => false },
    ...{ onList: () => ({ add: () => {}, end: () => {} }), onEmpty: () => {} },
    pause: async () => false,
    onBatch() {
      timings.push("begins");
      return (how: LoadEnd = "loaded") => void timings.push(how);
    },
  });
  const ended = work.then(({ outcome, error }) => `${outcome} ${(error as { code?: string })?.code ?? ""}`);
  await clock.advance(TIMEOUT_MS + WAIT_MS + leaseMs + batchMs);
  const end = await ended;
  const value = await cache.get("a");
  await cache.close();
  return { end: end.trim(), timings, asked, value };
}

it("a batch that begins when its time is over is never told to have begun, and brings its values all the same", async () => {
  expect(await loadAfter(TIMEOUT_MS + WAIT_MS + 1, 10)).toEqual({
    ...{ end: "failed FETCH_TIMEOUT", timings: [], asked: ["a"], value: "late" },
  });
});

it("a batch that begins in time is told to have ended, well or by its timeout", async () => {
  expect(await loadAfter(TIMEOUT_MS, 10)).toEqual({
    ...{ end: "stored", timings: ["begins", "loaded"], asked: ["a"], value: "late" },
  });
  expect(await loadAfter(10, TIMEOUT_MS + 1)).toEqual({
    ...{ end: "failed FETCH_TIMEOUT", timings: ["begins", "failed"], asked: ["a"], value: null },
  });
});

/** Warms two keys, one of which somebody else has taken for so long without storing anything. */
async function loadBeside(heldMs: number) {
  const clock = createFakeClock();
  const cache = createCache({ store: memoryStore({ clock }), clock });
  const warmer = createCacheWarmer(cache);
  warmer.registerFamily({ name: "f", keys: () => ["a", "b"], batchFetcher: async (keys) => [...keys] });
  const lease = await cache.lease("b");
  clock.after(heldMs, () => void lease.release());
  const began = clock.monotonic();
  let ms = 0;
  const run = warmer.warmAll().finally(() => {
    ms = clock.monotonic() - began;
  });
  await clock.advance(Math.max(heldMs, 10_000));
  const { successfulTasks, keysWarmed } = await run;
  const values = await cache.getMany(["a", "b"]);
  await warmer.close();
  await cache.close();
  return { successfulTasks, keysWarmed, values, ms };
}

it("looks again at keys that others were loading: who has stalled or died leaves none of them missing", async () => {
  expect(await loadBeside(0)).toMatchObject({ keysWarmed: 2, values: ["a", "b"] });
  expect(await loadBeside(3_000)).toMatchObject({ keysWarmed: 2, values: ["a", "b"] });
  const left = await loadBeside(20_000);
  expect(left).toMatchObject({ successfulTasks: 1, keysWarmed: 1, values: ["a", null] });
  // 3.75 s of pauses, and the fake clock goes on in steps.
  expect(left.ms).toBeLessThan(6_000);
});

it("gives its place in flight back when its run is aborted, whatever its fetchers do with their signals", async () => {
  const never = (): Promise<never> => new Promise(() => {});
  const families = {
    batch: { keys: () => ["a"], batchFetcher: never },
    list: { keys: never, batchFetcher: async () => [] },
    "next of a list": {
      keys: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
      batchFetcher: async () => [],
    },
  };
  for (const [what, family] of Object.entries(families)) {
    const clock = createFakeClock();
    const cache = createCache({ store: memoryStore({ clock }), clock });
    const warmer = createCacheWarmer(cache);
    warmer.registerFamily({ name: "f", ...family });
    const aborting = new AbortController();
    const outcome = warmer.warmAll({ signal: aborting.signal }).catch((error: unknown) => error);
    await clock.advance(10);
    expect(warmer.getMetrics().inFlight, what).toBe(1);
    aborting.abort("enough");
    expect(await outcome).toBe("enough");
    await clock.advance(10);
    expect(warmer.getMetrics().inFlight, what).toBe(0);
    await warmer.close();
    await cache.close();
  }
});
