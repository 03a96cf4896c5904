import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { type Connection, connect, db } from "../src/db/connect.ts";
import { generateWork } from "../src/db/generate-work.ts";
import { importCrm } from "../src/db/import-crm.ts";
import { makeUpWork } from "../src/db/make-up-work.ts";
import {
  companies,
  contacts,
  deals,
  leads,
  milestones,
  projects,
  quotes,
  tasks,
  users,
} from "../src/db/schema.ts";

const WORK = { contacts, leads, projects, milestones, tasks, quotes };
let connection: Connection;
let counts: Record<string, number> | null;

beforeAll(async () => {
  connection = await connect({ template: inject("emptyDatabase") });
  await importCrm({ folder: new URL("../data/crm", import.meta.url).pathname });
  counts = await generateWork();
});
afterAll(() => connection.close());

it("fills the six entities that the source does not have, and marks every row", async () => {
  for (const [name, table] of Object.entries(WORK)) {
    expect(await db().$count(table)).toBe(counts![name]);
    expect(await db().$count(table, sql`not generated`)).toBe(0);
    expect(counts![name]).toBeGreaterThan(100);
  }
});

it("says the same on every machine", () => {
  expect(counts).toMatchInlineSnapshot(`
    {
      "contacts": 239,
      "leads": 142,
      "milestones": 510,
      "projects": 170,
      "quoteCounters": 2,
      "quotes": 347,
      "tasks": 850,
    }
  `);
});

it("depends on the rows, not on their order or on chance", async () => {
  const imported = {
    companies: await db().select().from(companies).orderBy(companies.id),
    users: await db().select().from(users).orderBy(users.id),
    deals: await db().select().from(deals).orderBy(deals.id),
  };
  expect(makeUpWork(imported)).toEqual(makeUpWork(imported));
});

it("is done once: rows that were edited stay", async () => {
  await db().execute(sql`update contacts set name = 'Edited' where id = 'konex-contact-1'`);
  expect(await generateWork()).toBeNull();
  expect(await db().$count(contacts, sql`name = 'Edited'`)).toBe(1);
});

it("numbers the quotes that were issued from 1, year by year, without a gap", async () => {
  const issued = await db()
    .select({ number: quotes.number })
    .from(quotes)
    .where(sql`number is not null`)
    .orderBy(quotes.number);
  const byYear = Map.groupBy(issued, ({ number }) => number!.slice(0, 4));
  expect(byYear.size).toBeGreaterThan(0);
  for (const [year, numbers] of byYear)
    expect(numbers.map(({ number }) => number)).toEqual(
      numbers.map((_, at) => `${year}-${String(at + 1).padStart(4, "0")}`),
    );
});
