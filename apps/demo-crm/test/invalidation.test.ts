// The services of all entities over the imported data, in both ways in which the demo can invalidate. Each child of this
// file's process has a composition root of its own, since that is made while it is imported.

import { silentLogger } from "@crm/cache-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, vi } from "vitest";

const RUNS = ["rules", "dependencies"] as const;

describe.each(RUNS)("invalidation by %s", (invalidation) => {
  let parts: Awaited<ReturnType<typeof load>>;
  let close: () => Promise<void>;

  async function load() {
    vi.resetModules();
    const { provideCacheSettings } = await import("../src/cache/settings.ts");
    provideCacheSettings({ env: {}, logger: silentLogger, invalidation });
    return {
      ...(await import("../src/cache/index.ts")),
      ...(await import("../src/db/connect.ts")),
      ...(await import("../src/services/work-services.ts")),
      ...(await import("../src/services/companies-service.ts")),
      ...(await import("../src/services/deals-service.ts")),
      ...(await import("../src/services/users-service.ts")),
      ...(await import("../src/services/analytics-service.ts")),
      ...(await import("../src/services/figures.ts")),
      ...(await import("../src/db/queries/aggregates.ts")),
    };
  }

  beforeAll(async () => {
    parts = await load();
    const connection = await parts.connect({ template: inject("importedDatabase") });
    close = async () => {
      await parts.closeCache();
      await connection.close();
    };
  });
  beforeEach(() => parts.cache.clear());
  afterAll(() => close());

  // biome-ignore lint/suspicious/noExplicitAny: rows of any entity; the assertions say which.
  const dataOf = (response: any): any => {
    expect(response).toMatchObject({ success: true });
    return response.data;
  };
  const hits = async (key: string) => (await parts.cache.lookup(key)) !== undefined;

  const entities = [
    [
      "contacts",
      { name: "Ann Example", companyId: "konex", title: null, email: null, phone: null },
      { title: "Lead" },
    ],
    [
      "leads",
      {
        name: "A lead",
        contactId: null,
        ownerId: null,
        source: "event",
        status: "new",
        score: 3,
        receivedOn: "2017-12-31",
      },
      { score: 99 },
    ],
    [
      "projects",
      {
        name: "A project",
        companyId: "konex",
        dealId: null,
        ownerId: null,
        status: "planned",
        startsOn: "2018-01-01",
        endsOn: null,
      },
      { status: "active" },
    ],
    [
      "milestones",
      { projectId: "", name: "M", dueOn: "2018-01-01", reachedOn: null },
      { reachedOn: "2018-01-02" },
    ],
    [
      "tasks",
      { projectId: "", title: "T", assigneeId: null, status: "open", dueOn: null },
      { status: "done" },
    ],
    [
      "quotes",
      { dealId: "1C1I7A6R", companyId: "cancity", status: "draft", amount: 1, validUntil: null },
      { amount: 2 },
    ],
  ] as const;

  it.each(entities)(
    "%s: read twice, written, and read as written at once",
    async (entity, values, change) => {
      // biome-ignore lint/suspicious/noExplicitAny: six services of one shape
      const service = (parts as any)[`${entity}Service`];
      const request = { page: 1, limit: 5 };
      const [project] = dataOf(await parts.projectsService.list(request, {})).items;
      const filled = "projectId" in values ? { ...values, projectId: project.id } : values;

      const before = dataOf(await service.list(request, {})).total;
      const created = dataOf(await service.create(filled));
      expect(created).toMatchObject({ ...filled, version: 1, generated: false });
      expect(dataOf(await service.list(request, {})).total).toBe(before + 1);

      let current = created;
      for (const read of ["getById", "getByIdV2"]) {
        await parts.cache.clear();
        expect(dataOf(await service[read](created.id))).toEqual(current);
        expect(await hits(`${entity}:${created.id}`)).toBe(true);
        const change_ = read === "getById" ? {} : change;
        const response = await service.update(created.id, change_);
        expect(response.write).toMatchObject({ cache: "applied" });
        expect(response.write.removed).toBeGreaterThanOrEqual(1);
        current = dataOf(await service[read](created.id));
        expect(current).toMatchObject({ ...change_, version: read === "getById" ? 2 : 3 });
      }
      await service.getByIdV2(created.id);
      await service.list(request, {});
      expect(dataOf(await service.delete(created.id))).toEqual({ id: created.id });
      expect(await service.getByIdV2(created.id)).toMatchObject({ error: { code: "NOT_FOUND" } });
      expect(await service.getById(created.id)).toMatchObject({ error: { code: "NOT_FOUND" } });
      expect(dataOf(await service.list(request, {})).total).toBe(before);
      expect(await service.delete(created.id)).toMatchObject({ error: { code: "NOT_FOUND" } });
      expect(await service.update(created.id, change)).toMatchObject({ error: { code: "NOT_FOUND" } });
    },
  );

  it("what a removed project takes along is gone at once, one by one and in lists", async () => {
    const { projectsService, tasksService, milestonesService } = parts;
    const project = dataOf(await projectsService.list({ page: 1, limit: 1 }, {})).items[0].id;
    const tasks = dataOf(await tasksService.list({ page: 1, limit: 20 }, { project }));
    const milestones = dataOf(await milestonesService.list({ page: 1, limit: 20 }, { project }));
    expect([tasks.total, milestones.total]).toEqual([5, 3]);
    await tasksService.getByIdV2(tasks.items[0].id);
    await projectsService.delete(project);
    expect((await tasksService.getByIdV2(tasks.items[0].id)).success).toBe(false);
    expect(dataOf(await tasksService.list({ page: 1, limit: 20 }, { project })).total).toBe(0);
    expect(dataOf(await milestonesService.list({ page: 1, limit: 20 }, { project })).total).toBe(0);
  });

  it("what a removed company leaves behind has lost it: deals, contacts, projects, quotes, subsidiaries", async () => {
    const { companiesService, contactsService, projectsService, quotesService, dealsService } = parts;
    const company = "massive-dynamic";
    const request = { page: 1, limit: 1 };
    const contact = dataOf(await contactsService.list(request, { company })).items[0].id;
    const project = dataOf(await projectsService.list(request, { company })).items[0].id;
    const quote = dataOf(await quotesService.list(request, { company })).items[0].id;
    const deal = dataOf(await dealsService.listDeals(request, { company })).items[0].id;
    const read = async () => [
      dataOf(await contactsService.getByIdV2(contact)).companyId,
      dataOf(await projectsService.getByIdV2(project)).companyId,
      dataOf(await quotesService.getByIdV2(quote)).companyId,
      dataOf(await dealsService.getDealById(deal)).companyId,
      dataOf(await companiesService.getCompanyByIdV2("cheers")).parentCompanyId,
    ];
    expect(new Set(await read())).toEqual(new Set([company]));
    await companiesService.deleteCompany(company, { detachDeals: true });
    expect(new Set(await read())).toEqual(new Set([null]));
    expect(dataOf(await dealsService.listDeals(request, { company })).total).toBe(0);
  });

  it("a deal moves figures of its company, its user and the analytics, created and removed", async () => {
    const { companiesService, usersService, analyticsService, dealsService } = parts;
    const figures = async () => [
      dataOf(await companiesService.getDealsSummary("konex")).wonValue,
      dataOf(await usersService.getPerformance("moses-frase")).wonValue,
      dataOf(await analyticsService.pipeline())[2].value,
      dataOf(await analyticsService.leaderboard()).find(
        (row: { userId: string }) => row.userId === "moses-frase",
      ).revenue,
    ];
    const before = await figures();
    const values = {
      stage: "Won",
      engageDate: "2017-01-01",
      closeDate: "2017-02-01",
      closeValue: 1000,
      companyId: "konex",
      userId: "moses-frase",
      productId: "gtx-pro",
    } as const;
    const { id } = dataOf(await dealsService.createDeal(values));
    expect(await figures()).toEqual(before.map((value) => value + 1000));
    await dealsService.deleteDeal(id);
    expect(await figures()).toEqual(before);
  });

  it("aggregates stay when a write changes nothing that they count; otherwise they are counted before it is acknowledged", async () => {
    const { analyticsService, companiesService, dealsService, aggregateQueries } = parts;
    const names = ["pipeline", "revenueBySector", "leaderboard"] as const;
    const counted = names.map((name) => vi.spyOn(aggregateQueries, name));
    const calls = () => counted.map((query) => query.mock.calls.length);
    for (const name of names) await analyticsService[name]();
    expect(calls()).toEqual([1, 1, 1]);
    const { companyId } = dataOf(await dealsService.getDealById("1C1I7A6R"));
    dataOf(await dealsService.updateDeal("1C1I7A6R", { companyId }));
    dataOf(await companiesService.updateCompany("konex", { employees: 6, country: "Japan" }));
    for (const name of names) await analyticsService[name]();
    expect(calls()).toEqual([1, 1, 1]);

    dataOf(await companiesService.updateCompany("konex", { sector: "retail" }));
    expect(calls()).toEqual([1, 2, 1]);
    dataOf(await dealsService.updateDeal("1C1I7A6R", { engageDate: "2016-10-21" }));
    expect(calls()).toEqual([2, 3, 2]);
    // Nobody waits for them any more.
    for (const name of names) await analyticsService[name]();
    expect(calls()).toEqual([2, 3, 2]);
    for (const query of counted) query.mockRestore();
  });

  it("a reader never waits for figures that a write has moved, and none is old once the write is acknowledged", async () => {
    const { analyticsService, dealsService, aggregateQueries, countAgain, cacheInvalidator } = parts;
    const wonValue = async () => dataOf(await analyticsService.pipeline())[2].value;
    const won = dataOf(await dealsService.listDeals({ page: 1, limit: 12 }, { stage: "Won" })).items;
    const before = await wonValue();

    // The query takes its time; a reader has the old figures at once.
    const release = Promise.withResolvers<void>();
    const { pipeline } = aggregateQueries;
    const slow = vi.spyOn(aggregateQueries, "pipeline").mockImplementation(async () => {
      const counted = await pipeline();
      await release.promise;
      return counted;
    });
    const write = dealsService.updateDeal(won[0].id, { closeValue: won[0].closeValue + 1 });
    await vi.waitFor(() => expect(slow).toHaveBeenCalled(), { timeout: 8_000 });
    expect(await wonValue()).toBe(before);
    release.resolve();
    dataOf(await write);
    slow.mockRestore();
    expect(await wonValue()).toBe(before + 1);

    // Many at the same time: each sees its own once it is told that it is written.
    let acknowledged = before + 1;
    await Promise.all(
      won.slice(1).map(async ({ id, closeValue }: { id: string; closeValue: number }) => {
        dataOf(await dealsService.updateDeal(id, { closeValue: closeValue + 1 }));
        const floor = ++acknowledged;
        expect(await wonValue()).toBeGreaterThanOrEqual(floor);
      }),
    );
    expect(await wonValue()).toBe(before + 12);

    // The control: without counting again, who reads after the invalidation has the old figures.
    await cacheInvalidator.invalidateOnUpdate("deal-figures", "any");
    vi.spyOn(aggregateQueries, "pipeline").mockImplementation(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return [];
    });
    expect(await wonValue()).toBe(before + 12);
    vi.restoreAllMocks();
    await countAgain();
  });

  it("figures that cannot be counted are removed; the write is a success", async () => {
    const { analyticsService, dealsService, aggregateQueries } = parts;
    await analyticsService.leaderboard();
    const broken = vi.spyOn(aggregateQueries, "leaderboard").mockRejectedValue(new Error("no database"));
    const { closeValue } = dataOf(await dealsService.getDealById("1C1I7A6R"));
    dataOf(await dealsService.updateDeal("1C1I7A6R", { closeValue: closeValue + 5 }));
    expect(await hits("analytics:leaderboard")).toBe(false);
    broken.mockRestore();
    expect(dataOf(await analyticsService.leaderboard())).toEqual(await aggregateQueries.leaderboard());
  });

  it("whatever a write changes, the aggregates are what the queries say once it is acknowledged", async () => {
    const { analyticsService, aggregateQueries, companiesService, dealsService } = parts;
    const deals = dataOf(await dealsService.listDeals({ page: 3, limit: 6 }, {})).items;
    const changes = [
      { stage: "Won", closeDate: "2017-12-30", closeValue: 4_321 },
      { closeValue: 77 },
      { closeDate: "2017-12-31" },
      { engageDate: "2016-10-22" },
      { companyId: "isdom" },
      { companyId: null },
      { stage: "Lost", closeValue: 0 },
      { stage: "Engaging", closeDate: null, closeValue: null },
      { stage: "Prospecting", engageDate: null },
    ] as const;
    const check = async (what: unknown) => {
      for (const name of ["pipeline", "revenueBySector", "leaderboard"] as const)
        expect(dataOf(await analyticsService[name]()), JSON.stringify(what)).toEqual(
          await aggregateQueries[name](),
        );
    };
    await check("at first");
    for (const { id } of deals.slice(0, 2))
      for (const change of changes) {
        dataOf(await dealsService.updateDeal(id, change));
        await check(change);
      }
    for (const change of [{ name: "Isdom 2" }, { sector: "finance" }, { sector: "a new one" }]) {
      dataOf(await companiesService.updateCompany("isdom", change));
      await check(change);
    }
  });

  it(
    invalidation === "rules"
      ? "a change of one company costs the entries of all, as the table says"
      : "a change of one company costs no entry of another",
    async () => {
      const { companiesService } = parts;
      for (const id of ["konex", "isdom"]) {
        await companiesService.getCompanyByIdV2(id);
        await companiesService.getDealsSummary(id);
      }
      await companiesService.updateCompany("konex", { employees: 5 });
      expect(await hits("companies:konex")).toBe(false);
      expect(await hits("companies:isdom")).toBe(invalidation === "dependencies");
      expect(await hits("companies:isdom:deals-summary")).toBe(invalidation === "dependencies");
    },
  );

  it("refuses what contradicts itself or refers to nothing, and writes nothing", async () => {
    const { projectsService, tasksService, quotesService } = parts;
    const project = dataOf(await projectsService.list({ page: 1, limit: 1 }, {})).items[0];
    const refused = { success: false, error: { code: "UNPROCESSABLE" } };
    expect(await projectsService.update(project.id, { endsOn: "2000-01-01" })).toMatchObject(refused);
    expect(await projectsService.update(project.id, { companyId: "nobody" })).toMatchObject(refused);
    expect(dataOf(await projectsService.getByIdV2(project.id))).toEqual(project);
    const task = { projectId: "none", title: "T", assigneeId: null, status: "open", dueOn: null } as const;
    expect(await tasksService.create(task)).toMatchObject(refused);
    const draft = dataOf(await quotesService.list({ page: 1, limit: 1 }, { status: "draft" })).items[0];
    expect(await quotesService.update(draft.id, { status: "accepted" })).toMatchObject(refused);
  });
});
