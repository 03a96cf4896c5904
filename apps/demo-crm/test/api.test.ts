import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PipelineStage, SectorRevenue } from "../src/db/queries/aggregates.ts";
import { cache, startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

describe("reads", () => {
  it("a company comes from the database once and then from the cache, the same both times", async () => {
    const first = await demo.json("/api/companies/hottechi");
    const second = await demo.json("/api/companies/hottechi");
    expect(first.headers.get("x-cache")).toBe("miss 2");
    expect(second.headers.get("x-cache")).toBe("hit 2");
    expect(second.body).toEqual(first.body);
    expect(first.body.data).toMatchObject({
      id: "hottechi",
      name: "Hottechi",
      sector: "technology",
      sectorRaw: "technolgy",
      employees: 16499,
      dealsSummary: { deals: 200, open: 7, won: 111, lost: 82, wonValue: 194_957 },
    });
  });

  it("a date comes back from the cache as a date", async () => {
    const { companiesService } = await import("../src/services/companies-service.ts");
    await companiesService.getCompanyById("isdom");
    for (const read of ["getCompanyById", "getCompanyByIdV2"] as const) {
      const response = await companiesService[read]("isdom");
      expect(response).toMatchObject({ success: true, data: { id: "isdom", updatedAt: expect.any(Date) } });
    }
  });

  it("companies are paged, filtered by sector and searched by name", async () => {
    const page = await demo.json("/api/companies?page=2&limit=30");
    expect(page.body.data).toMatchObject({ page: 2, limit: 30, total: 85, pages: 3 });
    expect(page.body.data.items).toHaveLength(30);
    const sector = await demo.json("/api/companies?sector=technology&limit=100");
    expect(sector.body.data.total).toBe(12);
    const search = await demo.json("/api/companies?q=TECH");
    expect(search.body.data.items.map((company: { name: string }) => company.name)).toEqual([
      "Betatech",
      "Dalttechnology",
      "Donquadtech",
      "Dontechi",
      "Hottechi",
      "Initech",
      "Opentech",
      "Ron-tech",
      "Scottech",
      "Singletechno",
    ]);
    expect((await demo.json("/api/sectors")).body.data).toHaveLength(10);
  });

  it("wildcards and separators in a search are letters, in the query and in the key", async () => {
    for (const q of ["%", "_", "*", "\\", "a:20::", "%25", "'; drop table companies"]) {
      const found = await demo.json(`/api/companies?q=${encodeURIComponent(q)}`);
      expect([found.status, found.body.data.total]).toEqual([200, 0]);
    }
    expect((await demo.json("/api/companies?q=%26")).body.data.items[0].id).toBe("gekko-co");
  });

  it("deals have the names behind their ids, and can be filtered", async () => {
    const deal = await demo.json("/api/deals/1C1I7A6R");
    expect(deal.body.data).toMatchObject({
      company: "Cancity",
      user: "Moses Frase",
      product: "GTX Plus Basic",
    });
    const won = await demo.json("/api/deals?stage=Won&company=hottechi&limit=1");
    expect(won.body.data.total).toBe(111);
    expect((await demo.json("/api/deals?user=carl-lin")).body.data).toMatchObject({
      total: 0,
      pages: 1,
      items: [],
    });
  });

  it("users come with their figures", async () => {
    const user = await demo.json("/api/users/darcel-schlecht");
    expect(user.body.data).toMatchObject({ manager: "Melvin Marxen", performance: { deals: 747 } });
    expect((await demo.json("/api/users?limit=100")).body.data.total).toBe(35);
  });

  it("analytics add up", async () => {
    const { data: stages } = (await demo.json("/api/analytics/pipeline")).body;
    expect(stages.map((row: PipelineStage) => [row.stage, row.deals, row.withoutCompany])).toEqual([
      ["Prospecting", 500, 337],
      ["Engaging", 1589, 1088],
      ["Won", 4238, 0],
      ["Lost", 2473, 0],
    ]);
    const { data: sectors } = (await demo.json("/api/analytics/revenue-by-sector")).body;
    expect(sectors.reduce((sum: number, row: SectorRevenue) => sum + row.revenue, 0)).toBe(10_005_534);
    const { data: leaders } = (await demo.json("/api/analytics/leaderboard")).body;
    expect([leaders.length, leaders[0].name, leaders.at(-1).revenue]).toEqual([35, "Darcel Schlecht", 0]);
  });

  it("what does not exist is a 404 problem", async () => {
    for (const path of [
      "/api/companies/nobody",
      "/api/deals/NOTHING1",
      "/api/users/nobody",
      "/api/nothing",
      "/nothing",
    ]) {
      const missing = await demo.json(path);
      expect([missing.status, missing.body.code]).toEqual([404, "NOT_FOUND"]);
      expect(missing.headers.get("content-type")).toContain("application/problem+json");
    }
  });
});

describe("writes", () => {
  it("the next read has the new value at once: the company, its lists, and nobody else's entry is lost", async () => {
    await demo.json("/api/companies/betatech");
    await demo.json("/api/companies/bioplex");
    await demo.json("/api/companies?q=betatech");
    const written = await demo.send("PATCH", "/api/companies/betatech", { employees: 4242 });
    expect([written.status, written.body.meta.cache]).toEqual([200, "applied"]);
    expect(written.headers.get("x-cache-invalidation")).toBe("applied");
    expect(written.body.meta.removed).toBeGreaterThanOrEqual(2);

    expect((await demo.json("/api/companies/betatech")).body.data).toMatchObject({
      employees: 4242,
      version: 2,
    });
    expect((await demo.json("/api/companies?q=betatech")).body.data.items[0].employees).toBe(4242);
    expect((await demo.json("/api/companies/bioplex")).headers.get("x-cache")).toBe("hit 2");
  });

  it("a new name is seen on the deals, one by one and in lists", async () => {
    await demo.json("/api/deals/1C1I7A6R");
    await demo.json("/api/deals?company=cancity&limit=1");
    await demo.send("PATCH", "/api/companies/cancity", { name: "Cancity II" });
    expect((await demo.json("/api/deals/1C1I7A6R")).body.data.company).toBe("Cancity II");
    expect((await demo.json("/api/deals?company=cancity&limit=1")).body.data.items[0].company).toBe(
      "Cancity II",
    );
  });

  it("a deal that moves changes the figures of both companies, of its user and of the analytics", async () => {
    const figures = async () => ({
      from: (await demo.json("/api/companies/isdom")).body.data.dealsSummary.wonValue,
      to: (await demo.json("/api/companies/konex")).body.data.dealsSummary.wonValue,
      user: (await demo.json("/api/users/darcel-schlecht")).body.data.performance.wonValue,
      won: (await demo.json("/api/analytics/pipeline")).body.data[2].value,
    });
    const before = await figures();
    const written = await demo.send("PATCH", "/api/deals/Z063OYW0", { companyId: "konex", closeValue: 5514 });
    expect(written.body.data).toMatchObject({ company: "Konex", closeValue: 5514 });
    expect(await figures()).toEqual({
      from: before.from - 4514,
      to: before.to + 5514,
      user: before.user + 1000,
      won: before.won + 1000,
    });
  });

  it("a user's new office is on the leaderboard at once", async () => {
    await demo.json("/api/analytics/leaderboard");
    await demo.send("PATCH", "/api/users/darcel-schlecht", { office: "North" });
    expect((await demo.json("/api/users/darcel-schlecht")).body.data.office).toBe("North");
    expect((await demo.json("/api/analytics/leaderboard")).body.data[0].office).toBe("North");
  });

  it("a company is created once, appears in lists, and is gone after its removal", async () => {
    await demo.json("/api/companies?q=new+venture");
    const created = await demo.send("POST", "/api/companies", {
      name: "New Venture & Söhne",
      sector: "retail",
    });
    expect([created.status, created.headers.get("location")]).toEqual([
      201,
      "/api/companies/new-venture-sohne",
    ]);
    expect((await demo.json("/api/companies?q=new+venture")).body.data.total).toBe(1);
    expect(
      (await demo.send("POST", "/api/companies", { name: "New venture, Sohne", sector: "retail" })).status,
    ).toBe(409);

    await demo.json("/api/companies/new-venture-sohne");
    expect((await demo.json("/api/companies/new-venture-sohne", { method: "DELETE" })).status).toBe(200);
    expect((await demo.json("/api/companies/new-venture-sohne")).status).toBe(404);
    expect((await demo.json("/api/companies?q=new+venture")).body.data.total).toBe(0);
  });

  it("a company with deals is removed only when the deals may stay without it; its subsidiaries notice", async () => {
    const path = "/api/companies/massive-dynamic";
    expect((await demo.json("/api/companies/cheers")).body.data.parentCompanyId).toBe("massive-dynamic");
    const list = await demo.json("/api/deals?company=massive-dynamic&limit=1");
    const [deal] = list.body.data.items;
    await demo.json(`/api/deals/${deal.id}`);

    const refused = await demo.json(path, { method: "DELETE" });
    expect([refused.status, refused.body.code]).toEqual([409, "CONFLICT"]);
    expect(refused.body.detail).toContain(`${list.body.data.total} deals`);
    expect((await demo.json(path)).status).toBe(200);

    expect((await demo.json(`${path}?deals=detach`, { method: "DELETE" })).status).toBe(200);
    expect((await demo.json("/api/companies/cheers")).body.data.parentCompanyId).toBeNull();
    expect((await demo.json(`/api/deals/${deal.id}`)).body.data).toMatchObject({
      company: null,
      companyId: null,
    });
  });

  it.each([
    ["a won deal without a value", { closeValue: null }],
    ["an open deal with a value", { stage: "Engaging" }],
    ["a deal that closes before it engages", { closeDate: "2016-01-01" }],
    ["a company that does not exist", { companyId: "nobody" }],
  ])("refuse %s, and leave the deal as it was", async (_, change) => {
    const before = await demo.json("/api/deals/EC4QE1BX");
    const refused = await demo.send("PATCH", "/api/deals/EC4QE1BX", change);
    expect([refused.status, refused.body.code]).toEqual([422, "UNPROCESSABLE"]);
    expect((await demo.json("/api/deals/EC4QE1BX")).body).toEqual(before.body);
  });

  it("refuse a parent that does not exist, or the company itself", async () => {
    for (const parentCompanyId of ["nobody", "konex"])
      expect((await demo.send("PATCH", "/api/companies/konex", { parentCompanyId })).status).toBe(422);
    const created = await demo.send("POST", "/api/companies", {
      name: "Orphan",
      sector: "retail",
      parentCompanyId: "nobody",
    });
    expect(created.status).toBe(422);
    expect((await demo.json("/api/companies/orphan")).status).toBe(404);
  });
});

describe("what the cache says about itself", () => {
  it("statistics count hits and misses", async () => {
    const before = (await demo.json("/api/cache/stats")).body.data;
    await demo.json("/api/analytics/pipeline");
    await demo.json("/api/analytics/pipeline");
    const after = (await demo.json("/api/cache/stats")).body.data;
    expect(after.connected).toBe(true);
    expect(after.keys).toBeGreaterThan(0);
    expect(after.hits + after.misses - before.hits - before.misses).toBe(2);
  });

  it("a key is explained, one that is stored and one that is not", async () => {
    await demo.json("/api/companies/konex");
    const stored = await demo.json("/api/cache/explain?key=companies:konex");
    expect(stored.body.data).toMatchObject({ key: "companies:konex", state: "fresh" });
    const missing = await demo.json("/api/cache/explain?key=companies:nobody");
    expect(missing.body.data).toMatchObject({ found: "nowhere", state: "missing" });
  });

  it("the import report is served as it was stored", async () => {
    const { data } = (await demo.json("/api/import/report")).body;
    expect(data.rowsStored.deals).toBe(8800);
    expect(data.missing[0]).toMatchObject({ field: "company", rows: 1425 });
  });

  it("health is one word", async () => {
    expect((await demo.json("/healthz")).body).toEqual({ status: "ok" });
  });

  it("nothing was logged as a failure", () => {
    expect(demo.logged).toEqual([]);
    expect(cache).toBeDefined();
  });
});

describe("another method than there is", () => {
  it.each([
    ["PUT", "/api/companies/konex", "DELETE, GET, HEAD, OPTIONS, PATCH"],
    ["DELETE", "/api/companies", "GET, HEAD, OPTIONS, POST"],
    ["GET", "/api/quotes/some-quote/issue", "OPTIONS, POST"],
  ])("%s %s is refused, and told what there is", async (method, path, allow) => {
    const { status, headers, body } = await demo.json(path, { method });
    expect([status, headers.get("allow"), body.code]).toEqual([405, allow, "METHOD_NOT_ALLOWED"]);
    const options = await demo.request(path, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow"), await options.text()]).toEqual([204, allow, ""]);
  });
});
