// The server's clock decides: processes whose clocks are an hour apart, and jump, write one history and measure alike.

import { type RedisServer, spawnWorker, startRedis, type Worker, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";

const HOUR = 3_600_000;
const WORKER = new URL("./workers/skewed-worker.ts", import.meta.url);

interface History {
  local: (readonly [string, number])[];
  durable: (readonly [string, number])[];
  recent: number;
}

let redis: RedisServer;
const workers: Worker[] = [];
beforeAll(async () => {
  redis = await startRedis({ control: true });
  for (const skew of [-HOUR, 0, HOUR]) {
    workers.push(await spawnWorker(WORKER, { args: [redis.url, String(skew)] }));
  }
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await redis.stop();
});

it("records are dated by the server, the first one of a process and those after a jump too", async () => {
  const walls = await Promise.all(workers.map((worker) => worker.call<number>("wall")));
  expect(walls.map((wall) => Math.round((wall - Date.now()) / HOUR) + 0)).toEqual([-1, 0, 1]);
  const client = await redis.client();
  const serverNow = async (): Promise<number> => {
    const [seconds] = await client.time();
    return Number(seconds) * 1_000;
  };
  const since = await serverNow();
  const ids: string[] = [];
  const invalidate = async (n: number, id: string): Promise<void> => {
    await (workers[n] as Worker).call("fill", `companies:${id}`);
    await (workers[n] as Worker).call("invalidate", id);
    ids.push(id);
  };
  for (const n of [0, 1, 2]) {
    // Nothing but the invalidation: no read has asked for the time before.
    await (workers[n] as Worker).call("invalidate", `first-${n}`);
    ids.push(`first-${n}`);
  }
  for (const n of [0, 1, 2]) await invalidate(n, `second-${n}`);
  for (const worker of workers) await worker.call("jump", -3 * HOUR);
  for (const n of [2, 1, 0]) await invalidate(n, `third-${n}`);
  const until = (await serverNow()) + 1_000;
  const newestFirst = [...ids].reverse();
  for (const worker of workers) {
    let seen: History | undefined;
    await waitFor(async () => {
      seen = await worker.call<History>("history", ids);
      return seen.local.length === ids.length && seen.durable.length === ids.length;
    });
    const { local, durable, recent } = seen as History;
    expect(durable.map(([id]) => id)).toEqual(newestFirst);
    expect(local.map(([id]) => id)).toEqual(newestFirst);
    for (const [id, at] of [...local, ...durable]) {
      expect(at, id).toBeGreaterThanOrEqual(since - 100);
      expect(at, id).toBeLessThanOrEqual(until);
    }
    expect(recent).toBe(ids.length);
    expect(await worker.call("removedBy", "companies:second-0")).toEqual(["second-0"]);
  }
});

it("meters whose clocks are an hour apart, and jump, find what was lost and nothing else", async () => {
  for (const { found, consistent } of await Promise.all(
    workers.map((worker) => worker.call<{ found: string[]; consistent: number[] }>("meter")),
  )) {
    expect(found.map((key) => key.split(":")[0])).toEqual(["lost", "lost", "lost", "lost"]);
    expect(consistent).toEqual([36, 36]);
  }
});
