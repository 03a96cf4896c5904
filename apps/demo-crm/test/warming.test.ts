import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { cache, startApp, type TestApp } from "./start-app.ts";

const { cacheWarmer } = await import("../src/cache/index.ts");
const { WARMING_NAMES } = await import("../src/cache/warming-tasks.ts");
const { keepWarm } = await import("../src/keep-warm.ts");
const { aggregateQueries } = await import("../src/db/queries/aggregates.ts");

let demo: TestApp;
let stopWarming: (() => Promise<void>) | undefined;
const said: string[] = [];
const terminal = { write: (text: string) => said.push(text) > 0, isTTY: false };
const logger = { info: () => {}, warn: (_: unknown, message: string) => said.push(message) } as never;

beforeAll(async () => {
  demo = await startApp({ ready: () => cacheWarmer.readiness().ready });
});
afterAll(async () => {
  await stopWarming?.();
  await demo.close();
});

it("/readyz is closed until what is asked for first is warm, and says what it waits for", async () => {
  // An origin that takes its time for one of the important ones.
  const release = Promise.withResolvers<void>();
  const pipeline = aggregateQueries.pipeline;
  const { registerWarmingTasks } = await import("../src/cache/warming-tasks.ts");
  registerWarmingTasks(cacheWarmer);
  cacheWarmer.register({
    ...{ key: "analytics:pipeline", ttl: "5m", priority: 10, category: "analytics" },
    ...{ entry: { staleTtl: "10m" } },
    fetcher: async () => {
      await release.promise;
      return pipeline();
    },
  });
  const events: string[] = [];
  const response = await demo.request("/api/live");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const reading = (async () => {
    for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read())
      events.push(value ?? "");
  })();

  const closed = await demo.json("/readyz");
  expect([closed.status, closed.body]).toMatchObject([503, { ready: false, warming: { reason: "idle" } }]);
  const warm = keepWarm({ logger, terminal });
  await vi.waitFor(
    async () =>
      expect((await demo.json("/readyz")).body).toMatchObject({
        ready: false,
        warming: { reason: "warming", readyAt: 8, remaining: 1 },
      }),
    { timeout: 8_000 },
  );
  // What is less urgent comes and goes meanwhile, until there is nothing else.
  await vi.waitFor(
    async () =>
      expect((await demo.json("/api/cache/warming")).body.data).toMatchObject({
        readiness: { ready: false },
        runs: [{ kind: "startup", completedAt: null }],
        latest: { inFlight: 1 },
      }),
    { timeout: 8_000 },
  );
  release.resolve();
  stopWarming = await warm;
  const open = await demo.json("/readyz");
  expect([open.status, open.body]).toMatchObject([200, { ready: true, warming: { reason: "warmed" } }]);
  expect(said.join("")).toMatch(/^Warmed what is asked for first in \d+\.\d s\n$/);
  await vi.waitFor(
    () => {
      const text = events.join("");
      expect(text).toContain("event: warming");
      expect(text).toContain('"what":"readiness"');
      expect(text).toContain('"kind":"startup"');
    },
    { timeout: 8_000 },
  );
  await reader.cancel();
  await reading.catch(() => {});
});

it("what is warmed is what the routes ask for: every one of them is a hit", async () => {
  await vi.waitFor(() => expect(cacheWarmer.getMetrics().completedAt).not.toBeNull(), { timeout: 8_000 });
  const [top] = await aggregateQueries.topCompanyIds(1);
  const routes = [
    ...["pipeline", "revenue-by-sector", "leaderboard"].map((name) => `/api/analytics/${name}`),
    ...["/api/sectors", "/api/industries"],
    ...[1, 2, 3, 4, 5].map((page) => `/api/companies?page=${page}`),
    ...[1, 2, 3].map((page) => `/api/deals?page=${page}`),
    ...[
      "/api/users",
      "/api/users?page=2",
      "/api/contacts",
      "/api/contacts?page=2",
      "/api/projects",
      "/api/tasks",
    ],
    `/api/companies/${top}`,
  ];
  for (const route of routes) {
    const { headers } = await demo.json(route);
    expect([route, headers.get("x-cache")]).toEqual([route, expect.stringMatching(/^hit( 2)?$/)]);
  }
});

it("GET /api/cache/warming tells of every task, without the errors of queries", async () => {
  const { data } = (await demo.json("/api/cache/warming")).body;
  expect(data.tasks.map(({ key }: { key: string }) => key).sort()).toEqual([...WARMING_NAMES].sort());
  for (const task of data.tasks) {
    expect([task.key, task.lastOutcome]).toEqual([task.key, "success"]);
    expect(task).not.toHaveProperty("lastError");
  }
  expect(data.runs[0]).toMatchObject({ kind: "startup", failed: 0, completedAt: expect.any(String) });
  expect(data.latest.limiter).toMatchObject({ limit: expect.any(Number), slowdown: expect.any(Number) });
  expect(data.totals.keysWarmed).toBeGreaterThanOrEqual(39);
  expect(data.hotKeys.length).toBeGreaterThan(0);
});

it("a change removes what was warmed from it, and of the top companies no other", async () => {
  const [first, second] = (await aggregateQueries.topCompanyIds(2)) as [string, string];
  await demo.send("PATCH", `/api/companies/${first}`, { employees: 5 });
  const keys = [`companies:${first}`, `companies:${second}`, "companies:list:1:20::", "companies:industries"];
  expect(await cache.getMany(keys)).toEqual([
    null,
    expect.objectContaining({ id: second }),
    null,
    // Counted from the sectors, and none has changed.
    expect.arrayContaining([expect.objectContaining({ sector: "retail" })]),
  ]);
});
