// What readers of aggregates get while the cache's store is away: copies of which the database says that nothing has moved since.

import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from "vitest";
import "./start-app.ts";

const { closeCache } = await import("../src/cache/index.ts");
const { store } = await import("../src/cache/store.ts");
const { connect, db } = await import("../src/db/connect.ts");
const { aggregateQueries } = await import("../src/db/queries/aggregates.ts");
const { companyQueries } = await import("../src/db/queries/companies.ts");
const { dealQueries } = await import("../src/db/queries/deals.ts");
const { figureCopyQueries } = await import("../src/db/queries/figure-copies.ts");
const { userQueries } = await import("../src/db/queries/users.ts");
const { deals, figureCopies, figuresVersion, products } = await import("../src/db/schema.ts");
const { companiesService } = await import("../src/services/companies-service.ts");
const { dealsService } = await import("../src/services/deals-service.ts");
const { usersService } = await import("../src/services/users-service.ts");
const { countFigure, fetchFigure } = await import("../src/services/count-figure.ts");

const DEAL = "1C1I7A6R";
let close: () => Promise<void>;
beforeAll(async () => {
  const connection = await connect({ template: inject("importedDatabase") });
  close = async () => {
    await closeCache();
    await connection.close();
  };
});
beforeEach(async () => {
  vi.spyOn(store, "available", "get").mockReturnValue(false);
  await db().delete(figureCopies);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => close());

const counts = () => vi.spyOn(aggregateQueries, "pipeline");
const moveDeal = (closeValue: number) => dealQueries.update(DEAL, () => ({ closeValue }));

it.each(["pipeline", "revenueBySector", "leaderboard"] as const)(
  "%s is counted once, and then found as it was counted",
  async (figure) => {
    const query = vi.spyOn(aggregateQueries, figure);
    const counted = await fetchFigure(figure);
    expect(await fetchFigure(figure)).toEqual(counted);
    expect(query).toHaveBeenCalledTimes(1);
  },
);

it("a copy is for those who have no cache: who has one counts, and is compared by that", async () => {
  await countFigure("pipeline");
  vi.spyOn(store, "available", "get").mockReturnValue(true);
  const query = counts();
  await fetchFigure("pipeline");
  expect(query).toHaveBeenCalledTimes(1);
});

it.each([
  ["the value of a deal", () => moveDeal(4_711)],
  [
    "a deal that another program wrote",
    () => db().update(deals).set({ closeDate: "2017-12-31" }).where(eq(deals.id, DEAL)),
  ],
  ["a deal that is gone", () => dealQueries.delete("Z063OYW0")],
  ["the sector of a company", () => companyQueries.update("konex", { sector: "finance" })],
  ["a company that is gone", () => companyQueries.delete("conecom", { detachDeals: true })],
  ["the name of a user", () => userQueries.update("anna-snelling", { name: "Anna S." })],
  ["a price", () => db().update(products).set({ listPrice: 1 }).where(eq(products.id, "gtx-basic"))],
])("after a write it is counted again: %s", async (_, write) => {
  for (const figure of ["pipeline", "revenueBySector", "leaderboard"] as const) await fetchFigure(figure);
  await write();
  for (const figure of ["pipeline", "revenueBySector", "leaderboard"] as const)
    expect(await fetchFigure(figure)).toEqual(await aggregateQueries[figure]());
});

it("control: without the trigger an old copy would be served", async () => {
  await fetchFigure("pipeline");
  await db().execute(sql`alter table deals disable trigger deals_move_figures`);
  await moveDeal(1);
  const served = await fetchFigure("pipeline");
  await db().execute(sql`alter table deals enable trigger deals_move_figures`);
  expect(served).not.toEqual(await aggregateQueries.pipeline());
  await moveDeal(2);
});

it("a write that moves no figure leaves the copy", async () => {
  await fetchFigure("pipeline");
  const query = counts();
  await companyQueries.update("isdom", { employees: 5 });
  await fetchFigure("pipeline");
  expect(query).not.toHaveBeenCalled();
});

it("a write while it is counted: the copy is nobody's, though it came last", async () => {
  const { pipeline } = aggregateQueries;
  counts().mockImplementationOnce(async () => {
    const old = await pipeline();
    await moveDeal(12_345);
    return old;
  });
  await countFigure("pipeline");
  expect(await figureCopyQueries.findCurrent("pipeline")).toBeUndefined();
  expect(await fetchFigure("pipeline")).toEqual(await aggregateQueries.pipeline());
});

it("a count that is late does not take the place of a newer one", async () => {
  const version = await figureCopyQueries.version();
  await moveDeal(77);
  const counted = await countFigure("pipeline");
  await figureCopyQueries.keep("pipeline", version, []);
  expect(await fetchFigure("pipeline")).toEqual(counted);
});

it("a transaction moves the version once, and one that is taken back not at all", async () => {
  const before = await figureCopyQueries.version();
  await db().update(deals).set({ engageDate: "2016-10-20" }).where(eq(deals.stage, "Won"));
  expect(await figureCopyQueries.version()).toBe(before + 1);
  await expect(
    dealQueries.update(DEAL, () => {
      throw new Error("taken back");
    }),
  ).rejects.toThrow("taken back");
  expect(await figureCopyQueries.version()).toBe(before + 1);
});

const moveTo = (closeValue: number) => moveDeal(closeValue).then(() => aggregateQueries.pipeline());
const found = () => figureCopyQueries.findAcknowledged("pipeline");

it("until a write is acknowledged its readers have the copy before it, and what is cached has not; then nobody has", async () => {
  await figureCopyQueries.acknowledge();
  const before = await countFigure("pipeline");
  const after = await moveTo(31);
  expect(await found()).toEqual(before);
  expect(await figureCopyQueries.findCurrent("pipeline")).toBeUndefined();
  expect(await fetchFigure("pipeline")).toEqual(after);
  await moveTo(32);
  await figureCopyQueries.acknowledge();
  expect(await found()).toBeUndefined();
});

it("a write that its writer counts before it acknowledges it is found at once, and always", async () => {
  for (const closeValue of [41, 42]) {
    const after = await moveTo(closeValue);
    await countFigure("pipeline");
    expect(await found()).toEqual(after);
    await figureCopyQueries.acknowledge();
    expect(await found()).toEqual(after);
  }
});

it("a write whose writer has died before it acknowledged it is seen two seconds later", async () => {
  await figureCopyQueries.acknowledge();
  const before = await countFigure("pipeline");
  await moveTo(51);
  const movedAgo = (seconds: string) =>
    db().execute(sql`update figures_version set moved_at = clock_timestamp() - ${seconds}::interval`);
  await movedAgo("1 second");
  expect(await found()).toEqual(before);
  await movedAgo("2 seconds");
  expect(await found()).toBeUndefined();
});

it("every service that moves figures acknowledges that", async () => {
  const writes = [
    () => dealsService.updateDeal(DEAL, { closeValue: 61 }),
    () => companiesService.updateCompany("isdom", { sector: "finance" }),
    () => usersService.updateUser("anna-snelling", { office: "Nowhere" }),
    () => usersService.createUser({ name: "Somebody New", manager: "M", office: "O" }),
    () => usersService.deleteUser("somebody-new"),
    () => companiesService.deleteCompany("isdom", { detachDeals: true }),
    () => dealsService.deleteDeal(DEAL),
  ];
  vi.restoreAllMocks();
  for (const write of writes) {
    const version = await figureCopyQueries.version();
    expect(await write()).toMatchObject({ success: true });
    const [row] = await db().select().from(figuresVersion);
    expect(row?.version, String(write)).toBe(version + 1);
    expect(row?.acknowledged, String(write)).toBe(version + 1);
  }
});
