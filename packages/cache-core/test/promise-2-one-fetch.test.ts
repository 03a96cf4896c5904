// Promise 2: one fetch a key, among processes, also when the one that fetches is killed or stands still.
// PROMISE_2_ROUNDS sets how often four processes of 250 callers meet.

import {
  percentile,
  seededRandom,
  spawnWorker,
  startRedis,
  startRedisCluster,
  type Worker,
  waitFor,
} from "@crm/testkit";
import { Cluster, type Redis } from "ioredis";
import { expect, test } from "vitest";
import { redisStore } from "../src/redis/index.ts";
import type { Burst, BurstResult } from "./workers/promise-2-worker.ts";

const ROUNDS = Number(process.env.PROMISE_2_ROUNDS ?? 25);
const PROCESSES = 4;
const CALLERS = 250;
const WORKER = new URL("./workers/promise-2-worker.ts", import.meta.url);

async function spawn(where: unknown, leaseTtl = "3s", count = PROCESSES): Promise<Worker[]> {
  const workers = await Promise.all(
    Array.from({ length: count }, () => spawnWorker(WORKER, { args: [JSON.stringify(where), leaseTtl] })),
  );
  await Promise.all(workers.map((worker) => worker.call("ready")));
  return workers;
}

function stop(workers: readonly Worker[]): Promise<unknown> {
  return Promise.all(workers.map((worker) => worker.stop()));
}

function report(figures: object): void {
  if (process.env.PROMISE_2_REPORT !== undefined) process.stderr.write(`${JSON.stringify(figures)}\n`);
}

/** Four processes of 250 callers meet a cold key, again and again. Resolves to the number of fetches of each round. */
async function meet(
  workers: readonly Worker[],
  client: Redis | Cluster,
  rounds: number,
  verb: "burst" | "uncoordinated" = "burst",
): Promise<number[]> {
  const random = seededRandom(rounds);
  const counts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const key = `rows:${round}`;
    const fetchMs = random.int(5, 80);
    const burst: Omit<Burst, "cold"> = { key, callers: CALLERS, fetchMs, at: Date.now() + 15 };
    const results = await Promise.all(
      // In every other round some processes make their very first call.
      workers.map((worker, i) =>
        worker.call<BurstResult>(verb, { ...burst, cold: round % 2 === 1 && (round + i) % 3 !== 0 }),
      ),
    );
    const fetched = Number(await client.get(`fetches:${key}`));
    counts.push(fetched);
    if (verb === "burst" && fetched === 1) {
      expect(results.flatMap(({ values }) => values)).toEqual(results.map(() => `value 1 of ${key}`));
    }
  }
  return counts;
}

test(`${PROCESSES} processes × ${CALLERS} cold callers fetch once, ${ROUNDS} times`, async () => {
  await using redis = await startRedis({ control: true });
  const client = await redis.client();
  const workers = await spawn({ url: redis.url });
  try {
    const began = performance.now();
    const counts = await meet(workers, client, ROUNDS);
    report({ rounds: ROUNDS, ms: performance.now() - began, counts: tally(counts) });
    expect(tally(counts)).toEqual({ 1: ROUNDS });
    expect(await client.keys("crm:1l*")).toEqual([]);
  } finally {
    await stop(workers);
  }
}, 600_000);

test("the control, single flight in each process alone, fetches 4 times", async () => {
  await using redis = await startRedis({ control: true });
  const client = await redis.client();
  const workers = await spawn({ url: redis.url });
  try {
    const counts = await meet(workers, client, 5, "uncoordinated");
    expect(counts.reduce((sum, count) => sum + count, 0) / counts.length).toBeGreaterThan(3);
  } finally {
    await stop(workers);
  }
}, 60_000);

test("the same on a Cluster of 3 primaries", async () => {
  await using cluster = await startRedisCluster();
  const client = await cluster.client();
  const workers = await spawn({ nodes: cluster.startupNodes });
  try {
    const rounds = Math.max(6, Math.floor(ROUNDS / 4));
    const counts = await meet(workers, client, rounds);
    report({ cluster: true, rounds, counts: tally(counts) });
    expect(tally(counts)).toEqual({ 1: rounds });
  } finally {
    await stop(workers);
  }
}, 120_000);

test("a first call on a Cluster does not have to wait for connections: they are made before it is let through", async () => {
  await using cluster = await startRedisCluster();
  const client = new Cluster([...cluster.startupNodes], { lazyConnect: true });
  // Half of it is what silent nodes are waited for: no less than a busy machine needs.
  const store = redisStore({ client, commandTimeout: "2s" });
  try {
    await store.ready();
    expect(client.nodes("master").map(({ status }) => status)).toEqual(["ready", "ready", "ready"]);
  } finally {
    await store.close();
    client.disconnect();
  }
}, 60_000);

/** For how long the lease of a key lives on, in ms of the server's clock. */
async function livenessOf(client: Redis, key: string): Promise<number> {
  const lives = (await client.hget("crm:1l", key))?.split("|")[3];
  const [seconds, micros] = await client.time();
  return Number(lives) - Number(seconds) * 1_000 - Number(micros) / 1_000;
}

for (const [leaseTtl, liveness, rounds] of [
  ["3s", 3_000, 1],
  ["400ms", 400, 5],
] as const) {
  test(`the holder killed, another takes over within ${leaseTtl} + 200 ms, and only one`, async () => {
    await using redis = await startRedis({ control: true });
    const client = await redis.client();
    const waiting = await spawn({ url: redis.url }, leaseTtl, 3);
    const delays: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const key = `rows:killed:${round}`;
        const burst: Burst = { key, callers: CALLERS, fetchMs: 60_000, at: 0, cold: false };
        const [holder] = (await spawn({ url: redis.url }, leaseTtl, 1)) as [Worker];
        const lost = holder.call("burst", burst).catch(() => "lost");
        await waitFor(async () => (await client.get(`fetches:${key}`)) === "1");
        const others = waiting.map((worker) => worker.call<BurstResult>("burst", { ...burst, fetchMs: 30 }));
        await waitFor(async () => ((await client.hget("crm:1l", key)) ?? "").split(",").length > 3);
        // Long enough that the lease was renewed; the fetch is still under way, and nobody else began one.
        await waitFor(async () => (await livenessOf(client, key)) < liveness * 0.8);
        await waitFor(async () => (await livenessOf(client, key)) > liveness * 0.9);
        expect(await client.get(`fetches:${key}`)).toBe("1");
        const killedAt = Date.now();
        await holder.kill();
        expect(await livenessOf(client, key)).toBeLessThanOrEqual(liveness);
        const results = await Promise.all(others);
        expect(await lost).toBe("lost");
        expect(results.map(({ fetches }) => fetches).sort()).toEqual([0, 0, 1]);
        expect(results.flatMap(({ values }) => values)).toEqual(results.map(() => `value 2 of ${key}`));
        const takenOverAt = results.find(({ fetchedAt }) => fetchedAt !== undefined)?.fetchedAt as number;
        delays.push(takenOverAt - killedAt);
        expect(await client.hexists("crm:1l", key)).toBe(0);
      }
      report({ leaseTtl, delays, max: percentile(delays, 100) });
      expect(Math.max(...delays)).toBeLessThanOrEqual(liveness + 200);
    } finally {
      await stop(waiting);
    }
  }, 120_000);
}

test("a lease whose holder was killed is gone when its liveness ends, with nobody waiting", async () => {
  await using redis = await startRedis({ control: true });
  const client = await redis.client();
  const [holder] = (await spawn({ url: redis.url }, "400ms", 1)) as [Worker];
  const burst: Burst = { key: "rows:1", callers: 1, fetchMs: 60_000, at: 0, cold: false };
  holder.call("burst", burst).catch(() => {});
  await waitFor(async () => (await client.get("fetches:rows:1")) === "1");
  await holder.kill();
  const killedAt = performance.now();
  await waitFor(async () => (await client.exists("crm:1l")) === 0);
  expect(performance.now() - killedAt).toBeLessThan(400 + 50);
}, 30_000);

for (const takenOver of [false, true]) {
  test(`a holder that stood still past its liveness cannot fill, ${takenOver ? "after somebody took over" : "although nobody took over"}`, async () => {
    await using redis = await startRedis({ control: true });
    const client = await redis.client();
    const workers = await spawn({ url: redis.url }, "300ms", 2);
    const [holder, other] = workers as [Worker, Worker];
    try {
      const burst: Burst = { key: "rows:1", callers: CALLERS, fetchMs: 200, at: 0, cold: false };
      const late = holder.call<BurstResult>("burst", burst);
      await waitFor(async () => (await client.get("fetches:rows:1")) === "1");
      holder.pause();
      await waitFor(async () => (await client.exists("crm:1l")) === 0);
      if (takenOver) {
        const result = await other.call<BurstResult>("burst", { ...burst, fetchMs: 5 });
        expect(result.values).toEqual(["value 2 of rows:1"]);
      }
      holder.resume();
      const { values, revoked } = await late;
      // Those who asked before the fetch may have what it brought; nobody else ever sees it.
      expect(values).toEqual(["value 1 of rows:1"]);
      expect(revoked).toBe(1);
      const after = await other.call<BurstResult>("burst", { ...burst, fetchMs: 5 });
      expect(after.values).toEqual(["value 2 of rows:1"]);
      expect(await client.get("fetches:rows:1")).toBe("2");
    } finally {
      await stop(workers);
    }
  }, 30_000);
}

function tally(counts: readonly number[]): Record<number, number> {
  const tally: Record<number, number> = {};
  for (const count of counts) tally[count] = (tally[count] ?? 0) + 1;
  return tally;
}
