import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, seededRandom, spawnWorker, startRedis, type Worker, waitFor } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WarmingMetrics } from "../src/index.ts";
import { sleep } from "./support/suite.ts";

/** 20 instances in so many processes. `FLEET_PROCESSES=20` gives each its own. */
const PROCESSES = Number(process.env.FLEET_PROCESSES ?? 4);
const INSTANCES = 20;
const TASKS = 500;
const MAX_PARALLEL = 8;
const LEASE_MS = 3_000;
const WORKER = new URL("./workers/fleet-worker.ts", import.meta.url);

describe("a fleet over one Redis", () => {
  let redis: RedisServer;
  let originServer: RedisServer;
  let origin: Redis;
  let cache: Cache;
  let namespaces = 0;
  let workers: Worker[] = [];

  beforeAll(async () => {
    [redis, originServer] = await Promise.all([startRedis({ control: true }), startRedis({ control: true })]);
    origin = await originServer.client();
  });
  afterAll(async () => {
    await redis.stop();
    await originServer.stop();
  });
  beforeEach(async () => {
    await origin.flushall();
    for (let n = 0; n < TASKS; n++) await origin.hset("versions", `row:${n}`, 1);
  });

  async function boot(processes: number, instances: number, loadMs: number): Promise<void> {
    const namespace = `fleet${++namespaces}`;
    cache = createCache({ store: redisStore({ url: redis.url, commandTimeout: "5s" }), namespace });
    workers = await Promise.all(
      Array.from({ length: processes }, () =>
        spawnWorker(WORKER, { args: [redis.url, originServer.url, namespace], readyTimeoutMs: 60_000 }),
      ),
    );
    const payload = { instances: instances / processes, tasks: TASKS, loadMs };
    await Promise.all(workers.map((worker) => worker.call("boot", payload)));
  }

  async function end(): Promise<void> {
    await Promise.all(workers.map((worker) => worker.call("close").catch(() => {})));
    await Promise.all(workers.map((worker) => worker.stop()));
    await cache.close();
  }

  /** Changes rows at the origin and then in the cache, until it is told to stop. */
  function writing(sets: boolean): { stop(): Promise<number> } {
    const random = seededRandom("writes");
    let running = true;
    let writes = 0;
    const done = (async () => {
      while (running) {
        // Where writers only write they write what is being loaded, or has been: the others would be warm before their turn.
        const begun = sets ? await origin.hkeys("begun") : [];
        if (sets && begun.length === 0) {
          await sleep(1);
          continue;
        }
        const key = sets ? random.pick(begun.slice(-24)) : `row:${random.int(0, TASKS - 1)}`;
        const version = await origin.hincrby("versions", key, 1);
        if (sets || random.chance(0.5)) await cache.set(key, { version }, 600);
        else await cache.del(key);
        writes++;
        await sleep(1);
      }
      return writes;
    })();
    return {
      stop() {
        running = false;
        return done;
      },
    };
  }

  /** Entries that hold an older version than the origin. */
  async function stale(): Promise<number> {
    const keys = Array.from({ length: TASKS }, (_, n) => `row:${n}`);
    const values = await cache.getMany<{ version: number }>(keys);
    const versions = await origin.hmget("versions", ...keys);
    return values.filter((value, n) => value !== null && value.version < Number(versions[n])).length;
  }

  it(`loads ${TASKS} tasks once each with ${INSTANCES} instances that boot at once, and overwrites nothing newer`, async () => {
    await boot(PROCESSES, INSTANCES, 10);
    const writer = writing(false);
    const began = performance.now();
    const metrics = (
      await Promise.all(workers.map((worker) => worker.call<WarmingMetrics[]>("warm", MAX_PARALLEL)))
    ).flat();
    const tookMs = performance.now() - began;
    const writes = await writer.stop();
    const loads = Object.values(await origin.hgetall("loads")).map(Number);
    const peak = Number(await origin.get("peak"));
    const figures = {
      instances: metrics.length,
      tasks: TASKS,
      loaded: loads.length,
      mostLoads: Math.max(...loads),
      repeated: loads.filter((count) => count > 1).length,
      peak,
      writes,
      stale: await stale(),
      tookMs: Math.round(tookMs),
    };
    if (process.env.WARMER_FIGURES) process.stdout.write(`${JSON.stringify(figures)}\n`);
    await end();
    expect(metrics.length).toBe(INSTANCES);
    for (const each of metrics) {
      expect(each).toMatchObject({ totalTasks: TASKS, failedTasks: 0 });
      expect(each.successfulTasks + each.skippedTasks).toBe(TASKS);
    }
    expect(figures.stale).toBe(0);
    expect(peak).toBeLessThanOrEqual(MAX_PARALLEL);
    expect(writes).toBeGreaterThan(50);
    // A row that was written before its turn is warm already. One whose entry was removed after its load is loaded again by
    // whoever finds it missing, and that is right.
    expect(loads.length).toBeLessThanOrEqual(TASKS);
  }, 120_000);

  it("loads each task exactly once where writers only write", async () => {
    await boot(PROCESSES, INSTANCES, 10);
    const writer = writing(true);
    const metrics = (
      await Promise.all(workers.map((worker) => worker.call<WarmingMetrics[]>("warm", MAX_PARALLEL)))
    ).flat();
    await writer.stop();
    const loads = await origin.hgetall("loads");
    const repeated = Object.entries(loads).filter(([, count]) => Number(count) !== 1);
    const found = await cache.getMany(Array.from({ length: TASKS }, (_, n) => `row:${n}`));
    const staleEntries = await stale();
    const peak = Number(await origin.get("peak"));
    if (process.env.WARMER_FIGURES) {
      const figures = { processes: PROCESSES, instances: metrics.length, loaded: Object.keys(loads).length };
      const more = { repeated: repeated.length, peak, stale: staleEntries };
      process.stdout.write(`${JSON.stringify({ ...figures, ...more })}\n`);
    }
    await end();
    expect(repeated).toEqual([]);
    expect(Object.keys(loads).length).toBe(TASKS);
    expect(found.filter((value) => value === null).length).toBe(0);
    expect(staleEntries).toBe(0);
    expect(peak).toBeLessThanOrEqual(MAX_PARALLEL);
    const loaded = metrics.reduce((sum, each) => sum + each.successfulTasks, 0);
    const superseded = metrics.reduce((sum, each) => sum + (each.skips.newer ?? 0), 0);
    expect(loaded + superseded).toBe(Object.keys(loads).length);
  }, 120_000);

  it("control arm: the same writers, and values that are just written, leave old versions behind", async () => {
    await boot(1, 1, 30);
    const writer = writing(true);
    // As above: rows that are being loaded.
    await (workers[0] as Worker).call("warmUnfenced", TASKS);
    await writer.stop();
    const left = await stale();
    await end();
    expect(left).toBeGreaterThan(0);
  }, 120_000);

  it("takes over what a killed instance had begun, within its lease and a second", async () => {
    await boot(4, 4, 60);
    const runs = workers.map((worker) =>
      worker.call<WarmingMetrics[]>("warm", MAX_PARALLEL).catch(() => null),
    );
    const underWay = async (of: Worker): Promise<string[]> => {
      const [begun, ended] = await Promise.all([origin.hgetall("begun"), origin.hgetall("ended")]);
      return Object.keys(begun).filter((key) => begun[key] === String(of.pid) && ended[key] === undefined);
    };
    // In the middle, and one that has something under way.
    await waitFor(async () => (await origin.hlen("ended")) > TASKS / 4, { timeoutMs: 30_000 });
    let victim = workers[0] as Worker;
    await waitFor(async () => {
      for (const worker of workers) {
        // Stands still while it is looked at: a load is over in 60 ms.
        process.kill(worker.pid, "SIGSTOP");
        victim = worker;
        if ((await underWay(worker)).length > 0) return true;
        process.kill(worker.pid, "SIGCONT");
      }
      return false;
    });
    await victim.kill();
    const killedAt = Date.now();
    await origin.hdel("inflight", String(victim.pid));
    const orphans = await underWay(victim);
    expect(orphans.length).toBeGreaterThan(0);
    const metrics = (await Promise.all(runs)).filter((each) => each !== null).flat();
    const ended = await origin.hgetall("ended");
    const late = orphans.map((key) => Number((ended[key] ?? "0 0").split(" ")[1]) - killedAt);
    const loads = Object.entries(await origin.hgetall("loads"));
    const peak = Number(await origin.get("peak"));
    const missing = (await cache.getMany(Array.from({ length: TASKS }, (_, n) => `row:${n}`))).filter(
      (value) => value === null,
    );
    if (process.env.WARMER_FIGURES) {
      process.stdout.write(`${JSON.stringify({ orphans: orphans.length, takenOverAfterMs: late })}\n`);
    }
    await end();
    for (const ms of late) {
      expect(ms).toBeGreaterThan(0);
      // The load itself takes 60 ms.
      expect(ms).toBeLessThan(LEASE_MS + 1_000 + 60);
    }
    expect(missing).toEqual([]);
    expect(metrics.length).toBe(3);
    expect(loads.filter(([key, count]) => Number(count) > (orphans.includes(key) ? 2 : 1))).toEqual([]);
    expect(peak).toBeLessThanOrEqual(MAX_PARALLEL);
  }, 120_000);
});
