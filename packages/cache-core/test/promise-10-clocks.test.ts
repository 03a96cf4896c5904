// Promise 10: the server's clock decides. Processes whose clocks are an hour apart agree.

import "@crm/testkit/setup-guards";
import { type RedisServer, spawnWorker, startRedis, type Worker } from "@crm/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const HOUR = 3_600_000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let redis: RedisServer;
const workers: Worker[] = [];
beforeAll(async () => {
  redis = await startRedis({ control: true });
  for (const skew of [-HOUR, 0, HOUR]) {
    workers.push(
      await spawnWorker(new URL("./workers/skewed.ts", import.meta.url), { args: [redis.url, String(skew)] }),
    );
  }
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await redis?.stop();
});

const all = <T>(name: string, payload?: unknown): Promise<T[]> =>
  Promise.all(workers.map((worker) => worker.call<T>(name, payload)));

test("the workers' clocks are an hour apart", async () => {
  const [behind, right, ahead] = (await all<number>("now")) as [number, number, number];
  expect(Math.abs(right - behind - HOUR)).toBeLessThan(1_000);
  expect(Math.abs(ahead - right - HOUR)).toBeLessThan(1_000);
});

for (const writer of [0, 1, 2]) {
  test(`what worker ${writer} wrote is fresh, stale and gone for everybody at the same time`, async () => {
    const key = `written:${writer}`;
    await workers[writer]!.call("set", { key, value: "v", ttl: "600ms", staleTtl: "600ms" });
    expect(await all("get", key)).toEqual(["v", "v", "v"]);
    for (const entry of await all<{ state: string; ttl: number; createdAt: Date }>("lookup", key)) {
      expect(entry.state).toBe("fresh");
      expect(entry.ttl).toBeGreaterThan(0);
      // The server's clock is estimated to a few milliseconds.
      expect(entry.ttl).toBeLessThanOrEqual(0.65);
      expect(Math.abs(entry.createdAt.getTime() - Date.now())).toBeLessThan(5_000);
    }
    // In the in-process tier as in Redis.
    await pause(750);
    expect(await all("get", key)).toEqual([null, null, null]);
    expect((await all<{ state: string }>("lookup", key)).map(({ state }) => state)).toEqual([
      "stale",
      "stale",
      "stale",
    ]);
    await pause(600);
    expect(await all("lookup", key)).toEqual([undefined, undefined, undefined]);
  });
}

test("a fill, its lease and an invalidation by tag during it: as with right clocks", async () => {
  for (const [holder, invalidator] of [
    [0, 2],
    [2, 0],
    [1, 2],
    [0, 1],
  ] as const) {
    const key = `leased:${holder}:${invalidator}`;
    const slow = workers[holder]!.call<string>("fill", { key, value: "old", takes: 300, tags: ["t"] });
    await pause(100);
    await workers[invalidator]!.call("invalidateByTag", "t");
    expect(await slow).toBe("old");
    expect(await all("get", key)).toEqual([null, null, null]);
    // And a lease that stands is respected by all: one fetch.
    const values = await Promise.all(
      workers.map((worker, i) =>
        worker.call<string>("fill", { key, value: `by ${i}`, takes: 200, tags: ["t"] }),
      ),
    );
    expect(new Set(values).size).toBe(1);
  }
});

test("stale while revalidating: refreshed once, by whomever", async () => {
  await workers[2]!.call("set", { key: "swr", value: "old", ttl: "100ms", staleTtl: "10s" });
  await pause(200);
  const values = await Promise.all(
    workers.map((worker) => worker.call<string>("fill", { key: "swr", value: "new", takes: 50, tags: [] })),
  );
  expect(values).toEqual(["old", "old", "old"]);
  await pause(300);
  expect(await all("get", "swr")).toEqual(["new", "new", "new"]);
});
