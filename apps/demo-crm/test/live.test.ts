import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Company } from "../src/db/schema.ts";
import { cache, startApp, type TestApp } from "./start-app.ts";

const { companyQueries } = await import("../src/db/queries/companies.ts");
const { dealQueries } = await import("../src/db/queries/deals.ts");
const { companiesService } = await import("../src/services/companies-service.ts");
const { dealsService } = await import("../src/services/deals-service.ts");
const { successResponse } = await import("../src/services/api-response.ts");
const { compareReads } = await import("../src/live/compare-reads.ts");
const { measuredReads } = await import("../src/live/measured-reads.ts");

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await demo.load.stop();
});
afterAll(() => demo.close());

/** Until the load has done so many writes. */
async function untilWrites(writes: number): Promise<void> {
  await vi.waitFor(() => expect(demo.load.state().writes).toBeGreaterThanOrEqual(writes), {
    timeout: 25_000,
    interval: 50,
  });
}

describe("the load", () => {
  it("reads and writes, and no read after an acknowledged write is stale", async () => {
    const started = await demo.send("POST", "/api/load", { running: true });
    expect(started.body.data).toMatchObject({ running: true, secondsLeft: 120 });
    await untilWrites(10);
    const stopped = await demo.send("POST", "/api/load", { running: false });
    expect(stopped.body.data).toMatchObject({ running: false, staleReads: 0, errors: 0 });
    expect(stopped.body.data.reads).toBeGreaterThan(stopped.body.data.writes);
    expect(demo.logged).toEqual([]);
  });

  it("would notice a stale read: with the invalidations taken away there are some", async () => {
    // Writes that commit and tell the cache nothing.
    vi.spyOn(companiesService, "updateCompany").mockImplementation(async (id) => {
      const { after } = (await companyQueries.update(id, {})) as { after: Company };
      return successResponse(after);
    });
    vi.spyOn(dealsService, "updateDeal").mockImplementation(async (id) => {
      const { after } = (await dealQueries.update(id, () => ({})))!;
      return successResponse({ ...after, company: null, user: "", product: "" });
    });
    const before = demo.load.state();
    await demo.load.start();
    await untilWrites(before.writes + 12);
    await demo.load.stop();
    expect(demo.load.state().staleReads).toBeGreaterThan(before.staleReads);
  });

  it("changes nothing of the data but versions", async () => {
    const { data } = (await demo.json("/api/analytics/pipeline")).body;
    expect(data[2]).toMatchObject({ stage: "Won", deals: 4238, value: 10_005_534 });
  });
});

describe("the comparison", () => {
  it("measures every read with, without and on a miss, and finds the cache faster", async () => {
    const { body } = await demo.json("/api/compare?pairs=20");
    expect(body.data).toMatchObject({ pairs: 20, pairsAsked: 20 });
    expect(body.data.reads).toHaveLength(9);
    for (const read of body.data.reads) {
      expect([read.hit.count, read.miss.count, read.withoutCache.count]).toEqual([20, 20, 20]);
      expect(read.ratio, read.name).toBeGreaterThan(1);
    }
  });

  it("who asks while one runs gets that one's answer", async () => {
    const [one, two] = await Promise.all([
      demo.json("/api/compare?pairs=5"),
      demo.json("/api/compare?pairs=7"),
    ]);
    expect(two.body).toEqual(one.body);
  });

  it("stops when its time is up, with the same number of measurements everywhere", async () => {
    const comparison = await compareReads({ pairs: 500, budgetMs: 1 });
    expect(comparison.pairs).toBe(1);
    for (const read of comparison.reads) expect(read.hit.count).toBe(1);
  });

  it("knows under which key each answer is kept", async () => {
    await cache.clear();
    const reads = [
      measuredReads.company("konex"),
      measuredReads.companyByHand("betatech"),
      measuredReads.companyDeals("konex"),
      measuredReads.companyList(1),
      measuredReads.deal("1C1I7A6R"),
      measuredReads.dealList(1),
      measuredReads.user("carl-lin"),
      measuredReads.pipeline(),
      measuredReads.revenueBySector(),
      measuredReads.leaderboard(),
    ];
    for (const read of reads) {
      expect(await cache.exists(read.key), read.key).toBe(false);
      await read.withCache();
      expect(await cache.exists(read.key), read.key).toBe(true);
    }
  });
});

describe("the live stream", () => {
  it("sends the history, then a sample every second, and ends when the reader goes", async () => {
    const gone = new AbortController();
    const response = await demo.app.request("/api/live", { signal: gone.signal });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while ((text.match(/event: sample/g) ?? []).length < 3) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    expect(text.startsWith("event: history\n")).toBe(true);
    const samples = [...text.matchAll(/event: sample\ndata: (.*)\n/g)].map((match) => JSON.parse(match[1]!));
    expect(samples.at(-1)).toMatchObject({ connected: true, load: { running: false }, withCache: null });
    const gap = Date.parse(samples[2].at) - Date.parse(samples[1].at);
    expect(gap).toBeGreaterThan(700);
    await reader.cancel();
    gone.abort();
  });
});
