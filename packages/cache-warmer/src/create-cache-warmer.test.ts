import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Cache, createCache, type Logger, memoryStore } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer, readinessHandler } from "./index.ts";

describe("createCacheWarmer", () => {
  let clock: FakeClock;
  let cache: Cache;
  let warmer: CacheWarmer;
  let logged: { level: string; fields: object; message: string }[];

  beforeEach(() => {
    logged = [];
    const note =
      (level: string) =>
      (fields: object, message: string): void =>
        void logged.push({ level, fields, message });
    const logger: Logger = {
      ...{ debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") },
    };
    clock = createFakeClock();
    cache = createCache({ store: memoryStore({ clock }), clock, logger });
    warmer = createCacheWarmer(cache, { retryDelay: "1s" });
  });
  afterEach(async () => {
    await warmer.close();
    const closing = cache.close();
    await clock.advance(2_000);
    await closing;
    // What loads had as a timeout is gone with them.
    expect(clock.pendingTimers).toBe(0);
  });

  function slow(key: string, ms: number, priority = 5) {
    const fetcher = (): Promise<string> => new Promise((resolve) => void clock.after(ms, () => resolve(key)));
    return { key, fetcher, ttl: 60, priority };
  }

  it("tells once of a task that waits for one which was never registered, and runs it", async () => {
    warmer.registerBatch([
      { key: "a", fetcher: () => "a", dependsOn: ["nowhere"] },
      { key: "b", fetcher: () => "b", dependsOn: ["a", "nowhere"] },
    ]);
    for (let run = 0; run < 2; run++) expect(await warmer.warmAll()).toMatchObject({ failedTasks: 0 });
    expect(logged.filter(({ level }) => level === "warn")).toEqual([
      {
        level: "warn",
        fields: { key: "nowhere" },
        message: "Nobody has registered what a warming task waits for: it does not wait",
      },
    ]);
    expect(await cache.get("b")).toBe("b");
  });

  describe("readiness", () => {
    it("opens when the tasks of the priority have ended, and not before", async () => {
      warmer.registerBatch([slow("a", 100, 10), slow("b", 300, 8), slow("c", 5_000, 7)]);
      expect(warmer.readiness()).toMatchObject({ ready: false, reason: "idle" });
      const opened: unknown[] = [];
      warmer.on("readiness:open", (event) => opened.push(event));
      const run = warmer.performStartupWarming({ readyAt: 8, deadline: "10s" });
      const ready = warmer.whenReady();
      await clock.advance(200);
      expect(warmer.readiness()).toMatchObject({ ready: false, reason: "warming", readyAt: 8, remaining: 1 });
      await clock.advance(200);
      expect(await ready).toMatchObject({ ready: true, reason: "warmed", remaining: 0 });
      expect(opened).toEqual([{ reason: "warmed", remaining: 0, failed: 0 }]);
      await clock.advance(6_000);
      expect(await run).toMatchObject({ successfulTasks: 3 });
      expect(warmer.readiness().openedAfter).toBeGreaterThanOrEqual(300);
    });

    it("opens at the deadline, says so, and the run goes on", async () => {
      warmer.registerBatch([slow("a", 5_000, 10), slow("b", 5_000, 9)]);
      const run = warmer.performStartupWarming({ readyAt: 9, deadline: "2s" });
      await clock.advance(2_001);
      expect(warmer.readiness()).toMatchObject({ ready: true, reason: "deadline", remaining: 2 });
      expect(logged.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
        "Ready by deadline: some urgent tasks are not warm yet",
      ]);
      await clock.advance(4_000);
      expect(await run).toMatchObject({ successfulTasks: 2 });
    });

    it("opens when urgent tasks have failed: waiting longer would not help", async () => {
      warmer.register({ key: "a", priority: 10, retries: 0, fetcher: () => Promise.reject(new Error("x")) });
      const opened: unknown[] = [];
      warmer.on("readiness:open", (event) => opened.push(event));
      await warmer.performStartupWarming();
      expect(warmer.readiness()).toMatchObject({ ready: true, reason: "warmed", failed: 1 });
      expect(opened).toEqual([{ reason: "warmed", remaining: 0, failed: 1 }]);
      expect(logged.map(({ message }) => message)).toContain("Ready, but some urgent tasks have failed");
    });

    it("is not warm because its run was called off: it opens at the deadline", async () => {
      warmer.register(slow("a", 5_000, 10));
      const controller = new AbortController();
      const run = warmer.performStartupWarming({ deadline: "2s", signal: controller.signal });
      await clock.advance(100);
      controller.abort(new Error("enough"));
      await expect(run).rejects.toThrow("enough");
      expect(warmer.readiness()).toMatchObject({ ready: false, reason: "warming", remaining: 1 });
      await clock.advance(2_000);
      expect(warmer.readiness()).toMatchObject({ ready: true, reason: "deadline", remaining: 1 });
      // A fetcher that does not look at its signal goes on to its end.
      await clock.advance(4_000);
    });

    it("is not warm because the warmer was closed", async () => {
      const other = createCacheWarmer(cache);
      other.register(slow("a", 5_000, 10));
      const run = other.performStartupWarming();
      await clock.advance(100);
      await other.close();
      await expect(run).rejects.toMatchObject({ code: "WARMER_CLOSED" });
      expect(other.readiness()).toMatchObject({ ready: false, reason: "closed", remaining: 1 });
      await clock.advance(6_000);
    });

    it("opens at once when nothing is urgent, and lets go who waits when the warmer is closed", async () => {
      const other = createCacheWarmer(cache);
      const waiting = other.whenReady();
      await other.close();
      expect(await waiting).toMatchObject({ ready: false, reason: "closed" });
      await warmer.performStartupWarming();
      expect(warmer.readiness()).toMatchObject({ ready: true, reason: "warmed" });
    });

    it("is a probe over HTTP: 503, then 200", async () => {
      const server = createServer(readinessHandler(warmer));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ready`;
      const before = await fetch(url);
      expect([before.status, await before.json()]).toEqual([
        503,
        expect.objectContaining({ reason: "idle" }),
      ]);
      await warmer.performStartupWarming();
      const after = await fetch(url);
      expect([after.status, await after.json()]).toEqual([200, expect.objectContaining({ ready: true })]);
      await new Promise((resolve) => server.close(resolve));
    });
  });

  describe("background", () => {
    function counted(): { loads: number[] } {
      const loads: number[] = [];
      const fetcher = (): number => loads.push(clock.wall());
      warmer.register({ key: "a", ttl: 7_200, fetcher });
      return { loads };
    }

    it("runs every so many minutes, beginning that long from now", async () => {
      const { loads } = counted();
      const from = clock.wall();
      warmer.startBackgroundWarming(30);
      await clock.advance(91 * 60_000);
      expect(loads.map((at) => Math.round((at - from) / 60_000))).toEqual([30, 60, 90]);
    });

    it("runs by a cron pattern, in a time zone", async () => {
      const { loads } = counted();
      clock.setWall(Date.UTC(2026, 0, 1, 10, 50));
      warmer.startBackgroundWarming({ cron: "0 12 * * *", timezone: "Europe/Belgrade" });
      await clock.advance(25 * 3_600_000);
      expect(loads.map((at) => new Date(at).toISOString())).toEqual([
        "2026-01-01T11:00:00.000Z",
        "2026-01-02T11:00:00.000Z",
      ]);
    });

    it("runs a time of a cron pattern once, also when the wall clock is set back just before it", async () => {
      const { loads } = counted();
      clock.setWall(Date.UTC(2026, 0, 1, 11, 59, 50));
      warmer.startBackgroundWarming({ cron: "0 12 * * *", timezone: "UTC" });
      await clock.advance(9_000);
      // As a correction would: the timer comes 500 ms early by it.
      clock.setWall(Date.UTC(2026, 0, 1, 11, 59, 58, 500));
      await clock.advance(60_000);
      expect(loads.map((at) => new Date(at).toISOString())).toEqual(["2026-01-01T12:00:00.000Z"]);
    });

    it("skips a run while one is going, replaces a schedule, and keeps categories apart", async () => {
      const skipped: unknown[] = [];
      warmer.on("background:skipped", (event) => skipped.push(event));
      warmer.registerBatch([
        { ...slow("slow", 90_000), timeout: "5m", category: "x" },
        { ...slow("quick", 10), category: "y" },
      ]);
      warmer.startBackgroundWarming({ minutes: 500, category: "x" });
      warmer.startBackgroundWarming({ minutes: 1, category: "x" });
      warmer.startBackgroundWarming({ minutes: 2, category: "y" });
      await clock.advance(140_000);
      expect(skipped).toEqual([{ category: "x" }]);
      expect(await cache.getMany(["slow", "quick"])).toEqual([null, "quick"]);
      await warmer.stopBackgroundWarming();
      // A fetcher that does not look at its signal goes on to its end; what it brings is nobody's.
      await clock.advance(60_000);
    });

    it("is done once an interval by a fleet whose instances are out of step", async () => {
      const other = createCacheWarmer(cache);
      const { loads } = counted();
      other.register({ key: "a", ttl: 7_200, fetcher: () => loads.push(clock.wall()) });
      warmer.startBackgroundWarming(10);
      await clock.advance(3 * 60_000);
      other.startBackgroundWarming(10);
      await clock.advance(57 * 60_000 + 1_000);
      expect(loads.length).toBe(6);
      await other.close();
    });
  });

  it("waits longer before each repetition, with a random part, and keeps no place in flight meanwhile", async () => {
    const tries: number[] = [];
    const fetcher = (): number => {
      tries.push(clock.monotonic());
      if (tries.length < 4) throw new Error("not yet");
      return 1;
    };
    warmer.registerBatch([
      { key: "a", ttl: 60, priority: 9, retries: 3, fetcher },
      { key: "b", ttl: 60, fetcher: () => 2 },
    ]);
    const run = warmer.warmAll({ parallel: false });
    await clock.advance(10);
    expect(await cache.get("b")).toBe(2);
    await clock.advance(10_000);
    expect(await run).toMatchObject({ successfulTasks: 2, retries: 3 });
    const gaps = tries.slice(1).map((at, nth) => at - (tries[nth] as number));
    gaps.forEach((gap, nth) => {
      expect(gap).toBeGreaterThanOrEqual(500 * 2 ** nth);
      expect(gap).toBeLessThanOrEqual(1_100 * 2 ** nth);
    });
  });

  it("says what it did by category, by task and in all", async () => {
    warmer.registerBatch([
      { key: "a", category: "x", ttl: 60, fetcher: () => "12345678" },
      { key: "b", category: "x", ttl: 60, retries: 0, fetcher: () => Promise.reject(new Error("no")) },
      { key: "c", category: "y", ttl: 60, fetcher: () => null },
    ]);
    const metrics = await warmer.warmAll();
    expect(metrics.byCategory).toEqual({
      x: expect.objectContaining({ total: 2, successful: 1, failed: 1, skipped: 0, keys: 1, bytes: 10 }),
      y: expect.objectContaining({ total: 1, successful: 0, failed: 0, skipped: 1, keys: 0, bytes: 0 }),
    });
    expect(metrics).toMatchObject({ keysWarmed: 1, bytesWarmed: 10, limiter: { limit: 5 }, inFlight: 0 });
    expect(warmer.getTaskMetrics("a")).toMatchObject({
      ...{ runs: 1, successes: 1, lastOutcome: "success", lastReason: null, bytes: 10 },
    });
    expect(warmer.getTaskMetrics("b")).toMatchObject({
      failures: 1,
      lastOutcome: "failed",
      lastReason: "error",
    });
    expect(warmer.getTaskMetrics("nobody")).toBe(undefined);
    await warmer.warmAll();
    expect(warmer.getTotals()).toMatchObject({
      runs: 2,
      successfulTasks: 2,
      failedTasks: 2,
      skippedTasks: 2,
    });
    expect(warmer.unregister("a")).toBe(true);
    expect(warmer.unregister("a")).toBe(false);
    expect(warmer.getTasksByCategory()).toEqual({ x: 1, y: 1 });
  });

  it("tells of each step by events, and a listener that throws hinders nobody", async () => {
    const seen: string[] = [];
    warmer.on("run:start", ({ kind, total }) => seen.push(`start ${kind} ${total}`));
    warmer.on("task:start", ({ key }) => seen.push(`begin ${key}`));
    warmer.on("task:end", ({ key, outcome }) => seen.push(`end ${key} ${outcome}`));
    warmer.on("run:progress", () => {
      throw new Error("a listener");
    });
    const stop = warmer.on("run:end", ({ metrics }) => seen.push(`all ${metrics.successfulTasks}`));
    warmer.register({ key: "a", ttl: 60, fetcher: () => 1 });
    await warmer.warmAll();
    stop();
    expect(seen).toEqual(["start all 1", "begin a", "end a success", "all 1"]);
    expect(logged.some(({ message }) => message === "A listener of a warming event failed")).toBe(true);
  });

  it("warms a scope, whose keys are its own", async () => {
    const tenant = cache.scope("t1");
    const scoped = createCacheWarmer(tenant);
    scoped.register({ key: "a", ttl: 60, fetcher: () => "of t1" });
    await scoped.warmAll();
    expect(await tenant.get("a")).toBe("of t1");
    expect(await cache.get("a")).toBe(null);
    await scoped.close();
  });

  it("shares its work with another warmer of the same cache as with one of another process", async () => {
    const other = createCacheWarmer(cache);
    for (let n = 0; n < 8; n++) for (const each of [warmer, other]) each.register(slow(`k${n}`, 50));
    const began: string[] = [];
    for (const each of [warmer, other]) each.on("task:start", ({ key }) => began.push(key));
    const runs = Promise.all([warmer.warmAll(), other.warmAll()]);
    await clock.advance(2_000);
    const [one, two] = await runs;
    expect(one.successfulTasks + two.successfulTasks).toBe(8);
    const elsewhere = [one.skips.fleet ?? 0, two.skips.fleet ?? 0];
    expect(elsewhere).toEqual([two.successfulTasks, one.successfulTasks]);
    expect(began).toHaveLength(8);
    await other.close();
  });
});
