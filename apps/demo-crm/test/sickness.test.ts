// The switches of development: Redis slow, cut or dead, and a slow origin. Through the composition root, with a Redis of its own.

import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createSicknessSwitch, type SicknessSwitch } from "../src/dev/sickness.ts";
import type { TestApp } from "./start-app.ts";

/** What a machine that is busy besides may need: a command that is late counts as a miss. */
const PATIENT = { timeout: 15_000, interval: 100 };

let redis: RedisServer;
let sickness: SicknessSwitch;
let demo: TestApp;
beforeAll(async () => {
  redis = await startRedis({ control: true });
  sickness = await createSicknessSwitch({ REDIS_URL: redis.url });
  process.env.DEMO_TEST_REDIS_URL = sickness.env.REDIS_URL;
  const { startApp } = await import("./start-app.ts");
  demo = await startApp({ mode: "development", sickness });
});
afterAll(async () => {
  delete process.env.DEMO_TEST_REDIS_URL;
  await demo?.close();
  await sickness.close();
  await redis.stop();
});
beforeEach(async () => {
  sickness.apply({ redis: "none", redisDelayMs: 0, originDelayMs: 0 });
  await expect
    .poll(async () => (await demo.json("/api/cache/stats")).body.data.connected, PATIENT)
    .toBe(true);
});

const become = (change: object) => demo.send("POST", "/api/dev/sickness", change);
async function timed(path: string): Promise<[number, string | null, number]> {
  const startedAt = performance.now();
  const { status, headers } = await demo.json(path);
  return [status, headers.get("x-cache"), performance.now() - startedAt];
}

describe("POST /api/dev/sickness", () => {
  it("says what is sick", async () => {
    expect((await demo.json("/api/dev/sickness")).body.data).toEqual({
      ...{ redis: "none", redisDelayMs: 0, originDelayMs: 0 },
    });
    const { body } = await become({ redis: "slow", redisDelayMs: 20 });
    expect(body.data).toEqual({ redis: "slow", redisDelayMs: 20, originDelayMs: 0 });
  });

  it("slow: a hit takes so much longer", async () => {
    await demo.json("/api/companies/konex");
    await become({ redis: "slow", redisDelayMs: 10 });
    // A machine that is busy besides makes a miss of what is slow: then it is read again.
    await expect
      .poll(async () => {
        const [status, cached, took] = await timed("/api/companies/konex");
        return [status, cached, took >= 18];
      }, PATIENT)
      .toEqual([200, "hit 2", true]);
  });

  it.each(["cut", "dead"] as const)(
    "%s: reads are answered, and it is well again when told so",
    async (redisState) => {
      await demo.json("/api/companies/konex");
      await become({ redis: redisState });
      for (let at = 0; at < 3; at++) {
        const [status, cached, took] = await timed("/api/companies/konex");
        expect([status, cached]).toEqual([200, expect.stringMatching(/miss/)]);
        expect(took).toBeLessThan(2_000);
      }
      await become({ redis: "none" });
      await expect.poll(async () => (await timed("/api/companies/konex"))[1], PATIENT).toMatch(/^hit/);
    },
  );

  it("a write of somebody who was here a moment ago is committed while Redis is cut, and of nobody else", async () => {
    await expect
      .poll(
        async () => (await demo.send("PATCH", "/api/companies/betatech", { employees: 1 })).status,
        PATIENT,
      )
      .toBe(200);
    await become({ redis: "cut" });
    const written = await demo.send("PATCH", "/api/companies/betatech", { employees: 2 });
    expect([written.status, written.headers.get("x-cache-invalidation")]).toEqual([200, "pending"]);
    expect((await demo.json("/api/companies/betatech")).body.data.employees).toBe(2);
    const stranger = await demo.json("/api/companies/betatech", {
      method: "PATCH",
      headers: { "content-type": "application/json", cookie: `crm-session=0.${"x".repeat(32)}` },
      body: JSON.stringify({ employees: 3 }),
    });
    expect([401, 503]).toContain(stranger.status);
    expect((await demo.json("/api/companies/betatech")).body.data.employees).toBe(2);
  });

  it("aggregates while Redis is dead: a write counts them, and nobody who reads does", async () => {
    const { aggregateQueries } = await import("../src/db/queries/aggregates.ts");
    await become({ redis: "dead" });
    const before = (await demo.json("/api/analytics/pipeline")).body.data;
    const written = await demo.send("PATCH", "/api/deals/1C1I7A6R", { closeValue: 98_765 });
    expect([written.status, written.headers.get("x-cache-invalidation")]).toEqual([200, "pending"]);
    const count = vi.spyOn(aggregateQueries, "pipeline");
    const after = (await demo.json("/api/analytics/pipeline")).body.data;
    expect(count).not.toHaveBeenCalled();
    expect(after).not.toEqual(before);
    expect(after).toEqual(await aggregateQueries.pipeline());
    // Nobody can count: then nobody is given what was before the write, either.
    for (const figure of ["pipeline", "revenueBySector", "leaderboard"] as const)
      vi.spyOn(aggregateQueries, figure).mockRejectedValue(new Error("no count"));
    expect((await demo.send("PATCH", "/api/deals/1C1I7A6R", { closeValue: 98_766 })).status).toBe(200);
    vi.restoreAllMocks();
    expect((await demo.json("/api/analytics/pipeline")).body.data).toEqual(await aggregateQueries.pipeline());
  });

  it("slow origin: a miss waits for it, a hit does not", async () => {
    await demo.json("/api/companies/konex");
    await become({ originDelayMs: 150 });
    await expect.poll(async () => (await timed("/api/companies/konex"))[2] < 100, PATIENT).toBe(true);
    const [status, cached, took] = await timed("/api/companies/acme-corporation");
    expect([status, cached]).toEqual([200, expect.stringMatching(/miss/)]);
    expect(took).toBeGreaterThan(145);
  });

  it.each([[{}], [{ redis: "ill" }], [{ originDelayMs: -1 }], [{ redisDelayMs: 60_000 }], [{ other: 1 }]])(
    "refuses %j",
    async (change) => {
      expect((await become(change)).status).toBe(400);
    },
  );
});

describe("where there is no Redis that could be sick", () => {
  it.each([
    {},
    { REDIS_SENTINELS: "a:1", REDIS_SENTINEL_NAME: "m" },
    { REDIS_CLUSTER_NODES: "a:1" },
    { REDIS_URL: "rediss://a:1" },
  ])("%j is left as it is", async (env) => {
    const other = await createSicknessSwitch(env);
    expect(other.env).toBe(env);
    expect(other.state().redis).toBeNull();
    await other.close();
  });
});
