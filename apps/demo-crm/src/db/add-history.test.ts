import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { addHistory } from "./add-history.ts";
import { type Connection, connect, db } from "./connect.ts";
import { aggregateQueries } from "./queries/aggregates.ts";
import { deals } from "./schema.ts";

const ALL = 8_800;
const OPEN = 2_089;

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ template: inject("importedDatabase") });
});
afterAll(() => connection.close());

it.each([-1, 1.5, 101, Number.NaN])("refuses %s periods and adds nothing", async (periods) => {
  await expect(addHistory(periods)).rejects.toThrow("a whole number of periods from 0 to 100");
  expect(await db().$count(deals)).toBe(ALL);
});

it("adds what was closed, once, and moves it back in time", async () => {
  const before = await aggregateQueries.pipeline();
  expect(await addHistory(0)).toBe(ALL);
  expect(await addHistory(1)).toBe(2 * ALL - OPEN);
  expect(await addHistory(1)).toBe(2 * ALL - OPEN);
  const after = await aggregateQueries.pipeline();
  for (const [at, { stage, deals: count, value }] of before.entries()) {
    const times = stage === "Won" || stage === "Lost" ? 2 : 1;
    expect(after[at]).toMatchObject({
      stage,
      deals: count * times,
      value: value === null ? null : value * times,
    });
  }
  const [earliest] = await db()
    .select({ engaged: deals.engageDate })
    .from(deals)
    .orderBy(deals.engageDate)
    .limit(1);
  expect(earliest?.engaged).toBe("2015-07-20");
});
