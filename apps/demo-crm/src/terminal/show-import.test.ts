import { expect, it } from "vitest";
import { showImportProgress, showImportReport } from "./show-import.ts";

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

it("on a terminal, one line is written over", () => {
  const out = terminal(true);
  const show = showImportProgress(out);
  for (let done = 500; done <= 2000; done += 500) show({ table: "deals", done, total: 2000 });
  expect(out.written).toHaveLength(4);
  expect(out.written.join("")).not.toContain("\n");
  for (const text of out.written) expect(text.startsWith("\r\u001b[K")).toBe(true);
  expect(out.written.at(-1)).toBe(`\r\u001b[K${"█".repeat(24)} Importing deals: 2,000 of 2,000`);
});

it("in a pipe, a line for each quarter and no control characters", () => {
  const out = terminal(false);
  const show = showImportProgress(out);
  for (let done = 100; done <= 8800; done += 100) show({ table: "deals", done, total: 8800 });
  show({ table: "users", done: 35, total: 35 });
  expect(out.written).toEqual([
    "Importing deals: 100 of 8,800\n",
    "Importing deals: 2,200 of 8,800\n",
    "Importing deals: 4,400 of 8,800\n",
    "Importing deals: 6,600 of 8,800\n",
    "Importing deals: 8,800 of 8,800\n",
    "Importing users: 35 of 35\n",
  ]);
});

it("the report names every finding and every rejected row", () => {
  const out = terminal(false);
  const finding = { table: "deals", field: "company", rows: 1425, note: "no account is named" } as const;
  const report = {
    source: "s",
    fingerprint: "f",
    rowsRead: { companies: 1, users: 1, products: 1, deals: 2000 },
    rowsStored: { companies: 1, users: 1, products: 1, deals: 1999 },
    dealsByStage: { Prospecting: 0, Engaging: 0, Won: 1999, Lost: 0 },
    corrected: [],
    missing: [finding],
    observed: [],
    rejected: {
      rows: 1,
      examples: [{ file: "sales_pipeline.csv", line: 7, reason: "unknown stage: Maybe" }],
    },
    durationMs: 1234,
  };
  showImportReport(out, report, false);
  expect(out.written.join("")).toBe(
    "Imported 1 companies, 1 users, 1 products, 1,999 deals in 1.2 s\n" +
      "What is not as it should be in the data:\n" +
      "   1,425  deals.company: no account is named\n" +
      "       1  rows could not be used\n" +
      "          sales_pipeline.csv, line 7: unknown stage: Maybe\n",
  );
});
