import { describe, expect, it } from "vitest";
import { cleanCrm } from "./clean-crm.ts";
import type { CrmFiles, RawRow } from "./read-crm-files.ts";

const account = (name: string, change: Partial<RawRow<"companies">> = {}): RawRow<"companies"> => ({
  account: name,
  sector: "retail",
  year_established: "1999",
  revenue: "1.5",
  employees: "10",
  office_location: "Kenya",
  subsidiary_of: "",
  line: 2,
  ...change,
});
const deal = (change: Partial<RawRow<"deals">> = {}): RawRow<"deals"> => ({
  opportunity_id: "A1",
  sales_agent: "Ann",
  product: "GTXPro",
  account: "Acme",
  deal_stage: "Won",
  engage_date: "2017-01-01",
  close_date: "2017-02-01",
  close_value: "10",
  line: 9,
  ...change,
});
const files = (change: Partial<CrmFiles> = {}): CrmFiles => ({
  companies: [account("Acme")],
  users: [{ sales_agent: "Ann", manager: "Mo", regional_office: "East", line: 2 }],
  products: [{ product: "GTX Pro", series: "GTX", sales_price: "4821", line: 2 }],
  deals: [deal()],
  fingerprint: "f",
  ...change,
});

describe("cleanCrm", () => {
  it("keeps a good deal and finds its product under the corrected name", () => {
    const { deals, report } = cleanCrm(files());
    expect(deals).toMatchObject([
      { productId: "gtx-pro", productRaw: "GTXPro", companyId: "acme", closeValue: 10 },
    ]);
    expect(report.rejected.rows).toBe(0);
  });

  it.each([
    ["an agent that does not exist", { sales_agent: "Nobody" }, "unknown sales agent"],
    ["a product that does not exist", { product: "GTZ" }, "unknown product"],
    ["an account that does not exist", { account: "Nowhere" }, "unknown account"],
    ["an unknown stage", { deal_stage: "Maybe" }, "unknown stage"],
    ["a date that is none", { engage_date: "2017-13-45" }, "not a date"],
    ["a won deal without a value", { close_value: "" }, "Won, but without"],
    ["an open deal with a value", { deal_stage: "Engaging" }, "Engaging, but with"],
    ["an id that could not be part of a key", { opportunity_id: "A*:1" }, "not an opportunity id"],
  ])("rejects %s, with its file and line", (_, change, reason) => {
    const { deals, report } = cleanCrm(files({ deals: [deal(change)] }));
    expect(deals).toEqual([]);
    expect(report.rejected.rows).toBe(1);
    expect(report.rejected.examples[0]).toMatchObject({ file: "sales_pipeline.csv", line: 9 });
    expect(report.rejected.examples[0]!.reason).toContain(reason);
  });

  it("rejects the second of two companies whose names make one id, and the second of two equal deals", () => {
    const { companies, deals, report } = cleanCrm(
      files({ companies: [account("Acme"), account("ACME")], deals: [deal(), deal()] }),
    );
    expect([companies.length, deals.length, report.rejected.rows]).toEqual([1, 1, 2]);
  });

  it("stores a figure that is none as missing, and a parent that does not exist as no parent", () => {
    const odd = account("Odd", {
      revenue: "much",
      employees: "-1",
      year_established: "",
      subsidiary_of: "Ghost",
    });
    const { companies } = cleanCrm(files({ companies: [account("Acme"), odd] }));
    expect(companies[1]).toMatchObject({
      revenueMillions: null,
      employees: null,
      yearEstablished: null,
      parentCompanyId: null,
    });
  });
});
