// A large value holds up its own answer and all behind it. That is no silence: neither is it refused, nor are others.

import { isDeepStrictEqual } from "node:util";
import { startFaultProxy, startRedis } from "@crm/testkit";
import { expect, test, vi } from "vitest";
import { createCache } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

/** So many bytes of rows. */
function rowsOf(bytes: number): string[] {
  return Array.from({ length: bytes / 1024 }, (_, n) => String(n).padStart(1021, "x"));
}

/**
 * The first of up to three attempts in which the store told nothing of itself. A server that other programs keep from its
 * processor is silent in earnest; where large values themselves count as silence, no attempt is quiet.
 */
async function firstQuiet<T extends { told: string[] }>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 2; ; left--) {
    const outcome = await attempt();
    if (outcome.told.length === 0 || left === 0) return outcome;
  }
}

/** Writes, fills and reads large values with small ones beside them; resolves to what the store told of itself meanwhile. */
async function useLargeValues(url: string): Promise<{ told: string[] }> {
  const store = redisStore({ url });
  const cache = createCache({ store, memory: false });
  await cache.set("small", "value");
  const told: string[] = [];
  const off = store.onAvailability((available) => told.push(available ? "answers again" : "silent"));
  for (const megabytes of [1, 2, 3]) {
    for (let round = 0; round < 3; round++) {
      const rows = rowsOf(megabytes * 1024 * 1024);
      const [, found] = await Promise.all([cache.set(`rows:${megabytes}`, rows), cache.get("small")]);
      if (found !== "value") told.push(`small: ${found}`);
      if (!isDeepStrictEqual(await cache.get(`rows:${megabytes}`), rows)) told.push("not written");
      await cache.getOrSet(`filled:${megabytes}:${round}`, () => rows);
      if (!isDeepStrictEqual(await cache.get(`filled:${megabytes}:${round}`), rows)) told.push("not filled");
    }
  }
  off();
  await cache.close();
  return { told };
}

test("values of 1 to 3 MB are written, filled and read, and small ones beside them", async () => {
  await using redis = await startRedis();
  expect(await firstQuiet(() => useLargeValues(redis.url))).toEqual({ told: [] });
});

/** Reads a value of 4 MB over a slow line; resolves to how long that took, whether it came, and what the store told of itself. */
async function readOverSlowLine(port: number): Promise<{ tookMs: number; came: boolean; told: string[] }> {
  await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port } });
  const store = redisStore({ url: proxy.url });
  const cache = createCache({ store, memory: false });
  const rows = rowsOf(4 * 1024 * 1024);
  await vi.waitFor(async () => expect(await cache.set("rows", rows)).toBe(true), { timeout: 10_000 });
  const told: string[] = [];
  const off = store.onAvailability((available) => told.push(available ? "answers again" : "silent"));
  proxy.slowReader(25_000_000);
  const asked = performance.now();
  const found = await cache.get("rows");
  const tookMs = performance.now() - asked;
  off();
  await cache.close();
  return { tookMs, came: isDeepStrictEqual(found, rows), told };
}

test("a value that takes longer to arrive than a deadline is no silence", async () => {
  await using redis = await startRedis();
  const outcome = await firstQuiet(() => readOverSlowLine(redis.port));
  expect(outcome).toMatchObject({ came: true, told: [] });
  // Three deadlines of 50 ms, so that one of them has certainly passed.
  expect(outcome.tookMs).toBeGreaterThan(150);
});

test("a peer that is gone takes no more than its buffers hold: a large write ends, and small calls are refused soon", async () => {
  await using redis = await startRedis();
  await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: redis.port } });
  const cache = createCache({ store: redisStore({ url: `redis://127.0.0.1:${proxy.port}` }), memory: false });
  await cache.set("small", "value");
  const rows = rowsOf(8 * 1024 * 1024);
  // Once while all is well, so that what is measured is not the first encoding.
  await cache.set("rows", rows);
  // Under other programs' load the server may have counted as silent for a moment.
  await vi.waitFor(() => cache.del("rows"), { timeout: 5_000 });
  proxy.blackHole();
  const began = performance.now();
  const value = await cache.getOrSet("rows", () => rows);
  expect(value === rows).toBe(true);
  expect(performance.now() - began).toBeLessThan(1_000);
  const asked = performance.now();
  expect(await cache.get("small")).toBeNull();
  expect(performance.now() - asked).toBeLessThan(100);
  await proxy.heal();
  await cache.close();
});

test("small calls that go on being sent are no large value: a peer that is gone is found out within a deadline", async () => {
  await using redis = await startRedis();
  await using proxy = await startFaultProxy({ target: { host: "127.0.0.1", port: redis.port } });
  const store = redisStore({ url: `redis://127.0.0.1:${proxy.port}` });
  const cache = createCache({ store, memory: false });
  await cache.set("small", "value");
  const silent = new Promise<number>((resolve) => {
    store.onAvailability((available) => {
      if (!available) resolve(performance.now());
    });
  });
  proxy.blackHole();
  const began = performance.now();
  // 125 KB within the deadline of a write, 250 ms: the system takes them for many seconds.
  const value = "x".repeat(1_000);
  const sending = setInterval(() => void cache.set("small", value).catch(() => {}), 2);
  const foundAfterMs = (await silent) - began;
  clearInterval(sending);
  expect(foundAfterMs).toBeLessThan(600);
  await proxy.heal();
  await cache.close();
});
