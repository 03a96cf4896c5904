// Three instances behind one port, over one Redis that is killed and restarted twice and one embedded Postgres: a short run. The
// whole one, with a PostgreSQL server, is `scripts/under-load.ts`; its figures are in docs/measurements/demo.md.

import { setTimeout as sleep } from "node:timers/promises";
import { type RedisServer, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { ask, driveFleet, type Fleet, instancesOf, startFleet } from "./support/drive-fleet.ts";

const SECONDS = 10;

let redis: RedisServer;
let fleet: Fleet;
beforeAll(async () => {
  // What it has acknowledged is there after a restart: sessions, and that entries were removed.
  redis = await startRedis({ persist: true, config: { appendfsync: "no" } });
  fleet = await startFleet({
    ...{ REDIS_URL: redis.url, DATABASE_TEMPLATE: inject("importedDatabase") },
    NODE_COMPILE_CACHE: inject("compileCache"),
  });
}, 60_000);
afterAll(async () => {
  const code = await fleet?.stop();
  await redis?.stop();
  expect(code).toBe(0);
});

describe("three instances", () => {
  it("warm each thing once, share the port, and a change in one is seen in the others", async () => {
    expect(fleet.output()).toContain("Starting 3 instances: embedded Postgres, which they share");
    const seen = new Set<string | undefined>();
    for (let at = 0; at < 6; at++) seen.add((await ask(`${fleet.url}/api/analytics/pipeline`)).instance);
    expect([...seen].sort()).toEqual(["1", "2", "3"]);
    expect((await ask(`${fleet.url}/readyz`)).body).toMatchObject({ ready: true });
    const warmed = new Map<string | undefined, { failed: number; keysWarmed: number }>();
    for (let at = 0; at < 6; at++) {
      const { instance, body } = await ask(`${fleet.url}/api/cache/warming`);
      warmed.set(instance, body.data.runs.at(-1));
    }
    expect([...warmed.values()].map(({ failed }) => failed)).toEqual([0, 0, 0]);
    const { cookie } = await ask(`${fleet.url}/api/session`, {
      ...{ method: "POST", body: { user: "darcel-schlecht", password: "of this run" } },
    });
    await ask(`${fleet.url}/api/companies/konex`, {
      method: "PATCH",
      cookie: cookie!,
      body: { employees: 4711 },
    });
    for (let at = 0; at < 6; at++)
      expect((await ask(`${fleet.url}/api/companies/konex`)).body.data.employees).toBe(4711);
  });

  it("answer on while Redis is killed and restarted twice: nothing stale, nothing failed", async () => {
    const faults = (async () => {
      for (let turn = 0; turn < 2; turn++) {
        await sleep((SECONDS * 1000) / 5);
        await redis.kill();
        await sleep(1_000);
        await redis.restart();
      }
    })();
    const figures = await driveFleet(fleet, { seconds: SECONDS, clients: 4, rate: 0 });
    await faults;
    expect(figures.stale).toEqual([]);
    expect(figures.failed).toEqual([]);
    expect(Object.keys(figures.byInstance).sort()).toEqual(["1", "2", "3"]);
    expect(figures.reads).toBeGreaterThan(300);
    expect(figures.writes).toBeGreaterThan(10);
  });

  it("one that dies is started anew, and the others answer meanwhile", async () => {
    const [victim] = instancesOf(fleet);
    process.kill(victim as number, "SIGKILL");
    await expect
      .poll(() => fleet.output(), { timeout: 5_000, interval: 20 })
      .toContain("an instance has died and is started anew");
    for (let at = 0; at < 10; at++) expect((await ask(`${fleet.url}/api/companies/konex`)).status).toBe(200);
    await expect
      .poll(
        async () => {
          const replies = await Promise.all(
            Array.from({ length: 6 }, () => ask(`${fleet.url}/api/companies/konex`).catch(() => undefined)),
          );
          return new Set(replies.map((reply) => reply?.instance)).size;
        },
        { timeout: 20_000, interval: 200 },
      )
      .toBe(3);
    expect(instancesOf(fleet)).toHaveLength(3);
    expect(instancesOf(fleet)).not.toContain(victim);
  });
});

it("without a Redis anywhere says what to do, in one line", async () => {
  const refused = startFleet({ PATH: "/nowhere", NODE_COMPILE_CACHE: inject("compileCache") });
  await expect(refused).rejects.toThrow(
    /Several instances share one Redis: set REDIS_URL, or install redis-server/,
  );
  await expect(refused).rejects.not.toThrow(/\n\s+at /);
});
