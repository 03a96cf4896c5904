import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

type Row = Record<string, string | number | null>;
const all = async (sort: string): Promise<Row[]> =>
  (await demo.json(`/api/companies?limit=100&sort=${sort}`)).body.data.items;

describe("orders of companies", () => {
  it.each(["name", "sector", "country", "employees", "revenueMillions"])("%s, up and down", async (field) => {
    const values = (rows: Row[]) =>
      rows.map((row) => (typeof row[field] === "string" ? row[field].toLowerCase() : row[field]));
    const up = values(await all(field));
    const down = values(await all(`-${field}`));
    const known = up.filter((value) => value !== null && value !== undefined);
    expect(known.length).toBeGreaterThan(80);
    expect(known).toEqual([...known].sort((a, b) => (a! < b! ? -1 : a! > b! ? 1 : 0)));
    expect(down.filter((value) => value !== null)).toEqual([...known].reverse());
  });

  it("what is not known comes last, either way", async () => {
    const created = await demo.send("POST", "/api/companies", { name: "Zz Unknown", sector: "retail" });
    expect(created.status).toBe(201);
    for (const sort of ["employees", "-employees"]) expect((await all(sort)).at(-1)!.name).toBe("Zz Unknown");
  });

  it("pages of one order show every row once", async () => {
    const seen: string[] = [];
    for (const page of [1, 2, 3, 4, 5]) {
      const { items } = (await demo.json(`/api/companies?sort=sector&page=${page}`)).body.data;
      seen.push(...items.map(({ id }: Row) => id));
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe(86);
  });

  it("orders that do not exist are refused", async () => {
    expect((await demo.json("/api/companies?sort=password")).status).toBe(400);
  });
});
