// Three instances behind one port, over one Redis that is killed and restarted twice and one embedded Postgres: a short run. The
// whole one, with a PostgreSQL server, is `scripts/under-load.ts`; its figures are in docs/measurements/demo.md.

import { setTimeout as sleep } from "node:timers/promises";
import { type RedisServer, startRedis } from "@crm/testkit";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { startBrowser, type Windows } from "./browser/start-browser.ts";
import { ask, driveFleet, type Fleet, instancesOf, startFleet } from "./support/drive-fleet.ts";

const SECONDS = 10;
/** Not "Not engaged yet". */
const ENGAGED = /Engaged \d/;
const SCREENS = new URL("../.screens/", import.meta.url).pathname;

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

  it("run the load and end it together, whoever was told to: the window that shows it is served by any of them", async () => {
    const running = async () => {
      const found = new Map<string | undefined, boolean>();
      for (let at = 0; at < 6; at++) {
        const { instance, body } = await ask(`${fleet.url}/api/load`);
        found.set(instance, body.data.running);
      }
      return [...found.values()];
    };
    for (const wanted of [true, false]) {
      await ask(`${fleet.url}/api/load`, { method: "POST", body: { running: wanted } });
      await expect.poll(running, { timeout: 5_000, interval: 50 }).toEqual([wanted, wanted, wanted]);
    }
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

describe("in a browser", () => {
  let windows: Windows;
  const context = (options: object = {}) => windows.context({ baseURL: fleet.url, ...options });
  beforeAll(async () => {
    windows = await startBrowser();
  });
  afterAll(() => windows?.close());

  /** Which instance answers what begins with this. */
  const instanceOf = async (page: Page, method: string, path: string) => {
    const response = await page.waitForResponse(
      (each) => new URL(each.url()).pathname.startsWith(path) && each.request().method() === method,
    );
    return response.headers()["x-instance"];
  };

  it("an edit in a window that one instance serves shows at once in a window that another one serves", async () => {
    const { cookie = "" } = await ask(`${fleet.url}/api/session`, {
      ...{ method: "POST", body: { user: "darcel-schlecht", password: "of this run" } },
    });
    const [name, value] = cookie.split("=") as [string, string];
    const reader = await context();
    const there = await reader.newPage();
    const streamedBy = instanceOf(there, "GET", "/api/changes");
    await there.goto("/companies/isdom");
    await there.getByText("Live: changes show at once").waitFor();
    const reads = await streamedBy;
    // Connections go round: one of three new windows is served by another instance at the latest.
    for (let employees = 1_001; ; employees++) {
      expect(employees).toBeLessThan(1_010);
      const writer = await context();
      await writer.addCookies([{ name, value, url: fleet.url }]);
      const here = await writer.newPage();
      await here.goto("/companies/isdom");
      await here.getByRole("button", { name: "Edit", exact: true }).click();
      await here.getByLabel("Employees").fill(String(employees));
      const writtenBy = instanceOf(here, "PATCH", "/api/companies/isdom");
      await here.getByRole("button", { name: "Save", exact: true }).click();
      await there.getByText(employees.toLocaleString("en")).waitFor({ timeout: 3_000 });
      await writer.close();
      if ((await writtenBy) !== reads) break;
    }
    await reader.close();
    expect(windows.complaints()).toEqual([]);
  });

  it("a deal that the mouse drags, and the keyboard moves back, moves at once in a window that another instance serves", async () => {
    const { cookie = "" } = await ask(`${fleet.url}/api/session`, {
      ...{ method: "POST", body: { user: "darcel-schlecht", password: "of this run" } },
    });
    const [name, value] = cookie.split("=") as [string, string];
    const stage = (page: Page, title: string) => page.getByRole("region", { name: new RegExp(`^${title}`) });
    const reader = await context();
    const there = await reader.newPage();
    const streamedBy = instanceOf(there, "GET", "/api/changes");
    await there.goto("/deals?company=isdom");
    await there.getByText("Live: changes show at once").waitFor();
    const reads = await streamedBy;
    const moved = stage(there, "Prospecting").locator(".deal", { hasText: ENGAGED });
    expect(await moved.count()).toBe(0);
    for (let turn = 0; ; turn++) {
      expect(turn).toBeLessThan(9);
      const writer = await context();
      await writer.addCookies([{ name, value, url: fleet.url }]);
      const here = await writer.newPage();
      await here.goto("/deals?company=isdom");
      const draggedBy = instanceOf(here, "PATCH", "/api/deals/");
      await stage(here, "Engaging")
        .locator(".deal[draggable=true]")
        .first()
        .dragTo(stage(here, "Prospecting"));
      await moved.waitFor({ timeout: 3_000 });
      const draggedIn = await draggedBy;
      await stage(here, "Prospecting").locator(".deal", { hasText: ENGAGED }).waitFor();
      const movedBackBy = instanceOf(here, "PATCH", "/api/deals/");
      const menu = stage(here, "Prospecting")
        .locator(".deal", { hasText: ENGAGED })
        .getByRole("button", { name: /^Move deal/ });
      await menu.press("Enter");
      await here.getByRole("menuitem", { name: "Move to Engaging" }).waitFor();
      await here.keyboard.press("ArrowDown");
      await here.keyboard.type("Move to E");
      await here.keyboard.press("Enter");
      await moved.waitFor({ state: "detached", timeout: 3_000 });
      const others = [draggedIn, await movedBackBy].filter((instance) => instance !== reads);
      await writer.close();
      if (others.length > 0) break;
    }
    await reader.close();
    expect(windows.complaints()).toEqual([]);
  });

  it("the pages answer on while Redis is away, say so, and say when it is back", async () => {
    const reader = await context();
    const page = await reader.newPage();
    const failed: string[] = [];
    page.on("response", (response) => response.status() >= 500 && failed.push(response.url()));
    await page.goto("/companies");
    await page.getByText("Live: changes show at once").waitFor();
    await redis.kill();
    await page.getByText("Cache away: answers from the database").waitFor();
    await page.getByRole("link", { name: "Acme Corporation" }).click();
    await page.getByRole("heading", { level: 1, name: "Acme Corporation" }).waitFor();
    await page.getByRole("link", { name: "Deals", exact: true }).click();
    await page.getByRole("region", { name: /^Engaging/ }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.screenshot({ path: `${SCREENS}/redis-away.png` });
    await redis.restart();
    await page.getByText("Live: changes show at once").waitFor();
    await page.getByRole("link", { name: "Tasks" }).click();
    await page.getByRole("heading", { level: 1, name: "Tasks" }).waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    expect(failed).toEqual([]);
    await reader.close();
    expect(windows.complaints()).toEqual([]);
  });
});

it("without a Redis anywhere says what to do, in one line", async () => {
  const refused = startFleet({ PATH: "/nowhere", NODE_COMPILE_CACHE: inject("compileCache") });
  await expect(refused).rejects.toThrow(
    /Several instances share one Redis: set REDIS_URL, or install redis-server/,
  );
  await expect(refused).rejects.not.toThrow(/\n\s+at /);
});
