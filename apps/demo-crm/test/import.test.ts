import { readFileSync } from "node:fs";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Connection, connect, db } from "../src/db/connect.ts";
import { type ImportProgress, importCrm } from "../src/db/import-crm.ts";
import type { ImportReport } from "../src/db/import-report.ts";
import { companies, deals, importRuns, products, users } from "../src/db/schema.ts";

const FOLDER = new URL("../data/crm", import.meta.url).pathname;

/** Counts without the code that is tested: no CSV library, nothing but splitting. The files contain no quotes. */
function rowsOf(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(`${FOLDER}/${file}`, "utf8").trim().split(/\r?\n/);
  const columns = head!.split(",");
  return lines.map((line) =>
    Object.fromEntries(line.split(",").map((value, index) => [columns[index]!, value])),
  );
}
const pipeline = rowsOf("sales_pipeline.csv");
const accounts = rowsOf("accounts.csv");
const howMany = <T>(rows: T[], matches: (row: T) => boolean) => rows.filter(matches).length;

async function fingerprintOfRows(): Promise<string> {
  const all = [];
  for (const table of [companies, users, products, deals]) {
    const rows = await db().select().from(table).orderBy(table.id);
    all.push(rows.map((row) => ({ ...row, updatedAt: undefined })));
  }
  return JSON.stringify(all);
}

/** Of the rows of the first import in this file: the next one has to come to the same. */
let imported: string;

describe("the import of the CRM data", () => {
  let connection: Connection;
  let report: ImportReport;
  const progress: ImportProgress[] = [];

  beforeAll(async () => {
    connection = await connect({ template: inject("emptyDatabase") });
    const result = await importCrm({ folder: FOLDER, onProgress: (step) => progress.push(step) });
    expect(result.skipped).toBe(false);
    report = result.report;
    imported = await fingerprintOfRows();
  });
  afterAll(() => connection.close());

  it("stores every row of the files", async () => {
    expect(report.rowsStored).toEqual({ companies: 85, users: 35, products: 7, deals: 8800 });
    expect(report.rowsRead).toEqual(report.rowsStored);
    expect(report.rejected).toEqual({ rows: 0, examples: [] });
    for (const [table, rows] of [
      [companies, 85],
      [users, 35],
      [products, 7],
      [deals, 8800],
    ] as const)
      expect(await db().$count(table)).toBe(rows);
  });

  it("counts what the files contain", () => {
    const stage = (name: string) => howMany(pipeline, (row) => row.deal_stage === name);
    expect(report.dealsByStage).toEqual({ Prospecting: 500, Engaging: 1589, Won: 4238, Lost: 2473 });
    expect(report.dealsByStage).toEqual({
      Prospecting: stage("Prospecting"),
      Engaging: stage("Engaging"),
      Won: stage("Won"),
      Lost: stage("Lost"),
    });
  });

  it("corrects the known misspellings, counts them and keeps the raw values", async () => {
    const found = report.corrected.map(({ table, field, from, to, rows }) => [table, field, from, to, rows]);
    expect(found).toEqual([
      ["companies", "sector", "technolgy", "technology", 12],
      ["companies", "country", "Philipines", "Philippines", 1],
      ["deals", "product", "GTXPro", "GTX Pro", 1480],
    ]);
    expect(howMany(accounts, (row) => row.sector === "technolgy")).toBe(12);
    expect(howMany(accounts, (row) => row.office_location === "Philipines")).toBe(1);
    expect(howMany(pipeline, (row) => row.product === "GTXPro")).toBe(1480);

    expect(await db().$count(companies, sql`sector = 'technology' and sector_raw = 'technolgy'`)).toBe(12);
    expect(await db().$count(companies, sql`sector = 'technolgy'`)).toBe(0);
    expect(await db().$count(companies, sql`country = 'Philippines' and country_raw = 'Philipines'`)).toBe(1);
    expect(await db().$count(deals, sql`product_id = 'gtx-pro' and product_raw = 'GTXPro'`)).toBe(1480);
  });

  it("keeps deals without an account, a date or a value as what they are", async () => {
    const missing = Object.fromEntries(report.missing.map(({ field, rows }) => [field, rows]));
    expect(missing).toEqual({ company: 1425, engageDate: 500, closeDate: 2089, closeValue: 2089 });
    expect(missing).toEqual({
      company: howMany(pipeline, (row) => row.account === ""),
      engageDate: howMany(pipeline, (row) => row.engage_date === ""),
      closeDate: howMany(pipeline, (row) => row.close_date === ""),
      closeValue: howMany(pipeline, (row) => row.close_value === ""),
    });
    expect(await db().$count(deals, sql`company_id is null`)).toBe(1425);
    expect(await db().$count(deals, sql`close_value is null and close_date is null`)).toBe(2089);
    expect(report.missing[0]!.note).toContain("337 Prospecting, 1,088 Engaging");
  });

  it("names what it leaves as it is", () => {
    expect(report.observed.map(({ table, field, rows }) => [table, field, rows])).toEqual([
      ["users", "name", 5],
      ["companies", "country", 1],
      ["deals", "closeValue", 2473],
    ]);
    const idle = rowsOf("sales_teams.csv").filter(
      (user) => !pipeline.some((deal) => deal.sales_agent === user.sales_agent),
    );
    expect(idle).toHaveLength(5);
    for (const user of idle) expect(report.observed[0]!.note).toContain(user.sales_agent);
  });

  it("stores the same sum of won deals as the file", async () => {
    const won = pipeline.filter((row) => row.deal_stage === "Won");
    const expected = won.reduce((sum, row) => sum + Number(row.close_value), 0);
    const [row] = await db()
      .select({ sum: sql<number>`sum(close_value)`.mapWith(Number) })
      .from(deals)
      .where(sql`stage = 'Won'`);
    expect(row!.sum).toBe(expected);
    expect(expected).toBe(10_005_534);
  });

  it("tells its progress, table by table, up to the last row", () => {
    for (const [table, total] of [
      ["companies", 85],
      ["users", 35],
      ["products", 7],
      ["deals", 8800],
    ] as const) {
      const steps = progress.filter((step) => step.table === table);
      expect(steps.at(-1)).toEqual({ table, done: total, total });
      expect(steps.map((step) => step.done)).toEqual(
        [...steps.map((step) => step.done)].sort((a, b) => a - b),
      );
    }
    expect(progress.filter((step) => step.table === "deals").length).toBeGreaterThan(10);
  });

  it("does nothing a second time, even after an edit", async () => {
    await db().execute(sql`update companies set employees = 1 where id = 'hottechi'`);
    const again = await importCrm({ folder: FOLDER, onProgress: () => expect.unreachable() });
    expect(again).toEqual({ skipped: true, report });
    expect(await db().$count(companies, sql`employees = 1`)).toBe(1);
  });
});

describe("an import", () => {
  it("that is interrupted leaves nothing, and succeeds when it is repeated; twice gives the same rows", async () => {
    const connection = await connect({ template: inject("emptyDatabase") });
    const stop = new AbortController();
    const interrupted = importCrm({
      folder: FOLDER,
      signal: stop.signal,
      onProgress: ({ table, done }) => table === "deals" && done > 4000 && stop.abort(new Error("stop")),
    });
    await expect(interrupted).rejects.toThrow("stop");
    for (const table of [companies, users, products, deals, importRuns])
      expect(await db().$count(table)).toBe(0);

    expect((await importCrm({ folder: FOLDER })).skipped).toBe(false);
    expect(await fingerprintOfRows()).toBe(imported);
    await connection.close();
  });
});
