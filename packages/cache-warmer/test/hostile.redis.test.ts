import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Cache, createCache, silentLogger } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { type RedisServer, spawnWorker, startRedis, waitFor } from "@crm/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, type CacheWarmerOptions, createCacheWarmer } from "../src/index.ts";
import { deferred, sleep } from "./support/suite.ts";

describe("when things go wrong", () => {
  let redis: RedisServer;
  let made: { cache: Cache; warmer: CacheWarmer }[];
  let warnings: unknown[];

  beforeEach(async () => {
    redis = await startRedis({ control: true });
    made = [];
    warnings = [];
  });
  afterEach(async () => {
    for (const { warmer, cache } of made) {
      await warmer.close();
      await cache.close();
    }
    await redis.stop();
  });

  async function instance(options?: CacheWarmerOptions): Promise<{ cache: Cache; warmer: CacheWarmer }> {
    const logger = { ...silentLogger, warn: (fields: unknown) => void warnings.push(fields) };
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "hostile", logger });
    const warmer = createCacheWarmer(cache, { retryDelay: "50ms", ...options });
    made.push({ cache, warmer });
    await cache.ready();
    return { cache, warmer };
  }

  it("Redis killed in the middle: the run waits as long as it was told, gives up the rest and says so", async () => {
    const { warmer } = await instance({ storePatience: "1s", retries: 0 });
    let loads = 0;
    for (let n = 0; n < 200; n++) {
      const fetcher = async (): Promise<number> => {
        await sleep(5);
        return ++loads;
      };
      warmer.register({ key: `k${n}`, ttl: 60, fetcher });
    }
    const run = warmer.warmAll();
    await waitFor(() => loads > 20);
    const killedAt = performance.now();
    await redis.kill();
    const metrics = await run;
    expect(performance.now() - killedAt).toBeLessThan(4_000);
    expect(metrics.successfulTasks).toBeGreaterThan(10);
    expect(metrics.successfulTasks + metrics.failedTasks + metrics.skippedTasks).toBe(200);
    expect(metrics.failures.every(({ reason }) => reason === "store")).toBe(true);
    // Without a place to store it nothing is asked of the origin.
    expect(loads).toBeLessThan(metrics.successfulTasks + 15);
    await redis.restart();
    await waitFor(async () => (await warmer.warmAll()).successfulTasks === 200, { timeoutMs: 15_000 });
  }, 40_000);

  it("Redis absent: a family fails with that, and is not taken for empty", async () => {
    const { warmer } = await instance({ storePatience: "1s", retries: 0 });
    const begun = deferred();
    warmer.registerFamily({
      name: "f",
      async *keys() {
        begun.resolve();
        await sleep(200);
        yield "a";
      },
      batchFetcher: async (keys) => [...keys],
    });
    const run = warmer.warmAll();
    await begun.promise;
    await redis.kill();
    const metrics = await run;
    expect(metrics.failures.map(({ reason }) => reason)).toEqual(["store"]);
    await redis.restart();
  }, 40_000);

  it("Redis away for a moment: the run ends well", async () => {
    const { warmer, cache } = await instance({ retries: 5 });
    let loads = 0;
    for (let n = 0; n < 60; n++) {
      const fetcher = async (): Promise<number> => {
        await sleep(10);
        return ++loads;
      };
      warmer.register({ key: `k${n}`, ttl: 60, fetcher });
    }
    const run = warmer.warmAll();
    await waitFor(() => loads > 10);
    await redis.kill();
    await sleep(300);
    await redis.restart();
    const metrics = await run;
    expect(metrics).toMatchObject({ totalTasks: 60, failedTasks: 0 });
    // What was lost with the server is missing, and nothing of it is wrong.
    for (const value of await cache.getMany(["k0", "k59"]))
      expect(value === null || Number(value) > 0).toBe(true);
  }, 40_000);

  it("Redis absent at the start: startup warming resolves, and the probe opens at its deadline", async () => {
    await redis.kill();
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace: "hostile" });
    const warmer = createCacheWarmer(cache, { storePatience: "2s" });
    made.push({ cache, warmer });
    warmer.register({ key: "a", ttl: 60, priority: 10, fetcher: () => 1 });
    const run = warmer.performStartupWarming({ deadline: "300ms" });
    expect(await warmer.whenReady()).toMatchObject({ ready: true, reason: "deadline", remaining: 1 });
    expect(await run).toMatchObject({ failedTasks: 1 });
    await redis.restart();
  }, 40_000);

  it("a task that outlives its lease many times is still loaded once", async () => {
    const loads: string[] = [];
    const instances = await Promise.all([1, 2, 3].map(() => instance({ leaseTtl: "500ms" })));
    for (const { warmer } of instances) {
      const fetcher = async (): Promise<string> => {
        loads.push("a");
        await sleep(2_500);
        return "a";
      };
      warmer.register({ key: "a", ttl: 60, fetcher });
    }
    const metrics = await Promise.all(instances.map(({ warmer }) => warmer.warmAll()));
    expect(loads).toEqual(["a"]);
    expect(metrics.map(({ successfulTasks }) => successfulTasks).sort()).toEqual([0, 0, 1]);
  }, 20_000);

  it("a process that is stopped past its lease: another loads the task, and what it brings late is refused", async () => {
    const origin = await redis.client();
    await origin.hset("versions", "row:0", 1);
    const worker = await spawnWorker(new URL("./workers/fleet-worker.ts", import.meta.url), {
      args: [redis.url, redis.url, "hostile"],
    });
    await worker.call("boot", { instances: 1, tasks: 1, loadMs: 1_000 });
    const late = worker.call<unknown>("warm", 4);
    await waitFor(async () => (await origin.hget("loads", "row:0")) === "1");
    await worker.pause();
    const { warmer, cache } = await instance();
    warmer.register({ key: "row:0", ttl: 60, fetcher: () => ({ version: 2 }) });
    const began = performance.now();
    expect(await warmer.warmAll()).toMatchObject({ successfulTasks: 1 });
    expect(performance.now() - began).toBeLessThan(4_000);
    worker.resume();
    await late;
    expect(await cache.get("row:0")).toEqual({ version: 2 });
    await worker.stop();
  }, 30_000);

  it("instances with different lists share what they have in common", async () => {
    const loads: string[] = [];
    const [a, b] = await Promise.all([instance(), instance()]);
    const add = (warmer: CacheWarmer, key: string): void => {
      const fetcher = async (): Promise<string> => {
        loads.push(key);
        await sleep(20);
        return key;
      };
      warmer.register({ key, ttl: 60, fetcher });
    };
    for (const key of ["only a", "both", "both too"]) add(a.warmer, key);
    for (const key of ["both", "only b", "both too"]) add(b.warmer, key);
    const [ofA, ofB] = await Promise.all([a.warmer.warmAll(), b.warmer.warmAll()]);
    expect(loads.sort()).toEqual(["both", "both too", "only a", "only b"]);
    expect(ofA.successfulTasks + ofB.successfulTasks).toBe(4);
    expect((ofA.skips.fleet ?? 0) + (ofB.skips.fleet ?? 0)).toBe(2);
  });

  it("what another instance stored and somebody removed is loaded again by the next", async () => {
    const [a, b] = await Promise.all([instance(), instance()]);
    for (const { warmer } of [a, b]) warmer.register({ key: "a", ttl: 60, fetcher: () => 1 });
    await a.warmer.warmAll();
    expect(await b.warmer.warmAll()).toMatchObject({ successfulTasks: 0, skips: { fleet: 1 } });
    await a.cache.clear();
    const c = await instance();
    c.warmer.register({ key: "a", ttl: 60, fetcher: () => 2 });
    expect(await c.warmer.warmAll()).toMatchObject({ successfulTasks: 1 });
    expect(await a.cache.get("a")).toBe(2);
  });

  it("an invalidation during the load wins, and the task says so", async () => {
    const { warmer, cache } = await instance();
    const begun = deferred();
    const gate = deferred<string>();
    const fetcher = (): Promise<string> => {
      begun.resolve();
      return gate.promise;
    };
    warmer.register({ key: "a", ttl: 60, fetcher });
    const run = warmer.warmAll();
    await begun.promise;
    await cache.del("a");
    gate.resolve("old");
    expect(await run).toMatchObject({ successfulTasks: 0, skips: { newer: 1 } });
    expect(await cache.get("a")).toBe(null);
  });

  it("a ledger of other types, or with leases that nobody can have given, holds nobody up", async () => {
    const { warmer, cache } = await instance({ storePatience: "1s", retries: 0 });
    for (let n = 0; n < 5; n++) warmer.register({ key: `k${n}`, ttl: 60, fetcher: () => n });
    await cache.set("other", 1, 60);
    const admin = await redis.client();
    const [held, done, here] = ["held", "done", "here"].map((each) => `hostile:1p:${each}`) as [
      string,
      string,
      string,
    ];
    for (const key of [held, done, here]) await admin.set(key, "of somebody else");
    warnings = [];
    expect(await warmer.warmAll()).toMatchObject({ successfulTasks: 5 });
    expect(warnings).toEqual([{ cleared: 3 }]);
    await admin.hset(held, "k1", `dead|${Date.now() + 3_600_000}|1|1`, "k2", "nonsense", "k3", "");
    const began = performance.now();
    expect(await warmer.warmAll()).toMatchObject({ failedTasks: 0 });
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it("a cache that is closed holds no run up: it does not come back", async () => {
    const { warmer, cache } = await instance({ retries: 3 });
    const begun = deferred();
    const gate = deferred<number>();
    const fetcher = (): Promise<number> => {
      begun.resolve();
      return gate.promise;
    };
    warmer.registerBatch([
      { key: "a", fetcher },
      { key: "b", fetcher, dependsOn: ["a"] },
    ]);
    const run = warmer.warmAll();
    await begun.promise;
    const closing = cache.close();
    gate.resolve(1);
    await closing;
    const began = performance.now();
    expect((await run).failedTasks).toBeGreaterThan(0);
    expect(await warmer.warmAll()).toMatchObject({ failedTasks: 2 });
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  it("every key of the ledger has an expiry, and a minute after the last run nothing of it is left", async () => {
    const { warmer } = await instance();
    for (let n = 0; n < 20; n++) warmer.register({ key: `k${n}`, ttl: 60, fetcher: () => n });
    await warmer.warmAll();
    const admin = await redis.client();
    const keys = await admin.keys("hostile:1p*");
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) {
      const left = await admin.pttl(key);
      expect(left, key).toBeGreaterThan(0);
      expect(left, key).toBeLessThanOrEqual(61_000);
    }
  });

  function runProcess(name: string): Promise<{ stdout: string; stderr: string }> {
    const file = fileURLToPath(new URL(`./workers/${name}`, import.meta.url));
    return promisify(execFile)(
      process.execPath,
      ["--conditions=@crm/source", "--experimental-strip-types", file],
      { env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1" }, timeout: 15_000 },
    );
  }

  it("nothing in the background keeps a process alive", async () => {
    const began = performance.now();
    expect(await runProcess("leaves.ts")).toEqual({ stdout: "done\n", stderr: "" });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it("a process that waits for a run does not end before it", async () => {
    const { stdout, stderr } = await runProcess("waits.ts");
    expect([stdout, stderr]).toEqual(["2 failed after 2 retries\n", ""]);
  });
});
