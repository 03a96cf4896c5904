import { silentLogger } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { provideCacheSettings } from "../cache/settings.ts";
import { companyQueries } from "../db/queries/companies.ts";
import { figureCopyQueries } from "../db/queries/figure-copies.ts";
import type { Company } from "../db/schema.ts";

provideCacheSettings({ env: {}, logger: silentLogger });
const { cache } = await import("../cache/index.ts");
const { companiesService } = await import("./companies-service.ts");

const company = (version: number): Company => ({
  id: "acme",
  name: "Acme",
  sector: "retail",
  sectorRaw: null,
  yearEstablished: 1999,
  revenueMillions: 1.5,
  employees: 10,
  country: null,
  countryRaw: null,
  parentCompanyId: "parent",
  version,
  updatedAt: new Date(0),
});
const versionOf = (response: { success: boolean }) => (response as { data?: Company }).data?.version;

beforeEach(async () => {
  // There is no database here.
  vi.spyOn(figureCopyQueries, "acknowledge").mockResolvedValue();
  await cache.clear();
});
afterEach(() => vi.restoreAllMocks());

describe.each(["getCompanyById", "getCompanyByIdV2"] as const)("%s", (read) => {
  it("queries once and then reads the same from the cache", async () => {
    const query = vi.spyOn(companyQueries, "findById").mockResolvedValue(company(1));
    const first = await companiesService[read]("acme");
    expect(await companiesService[read]("acme")).toEqual(first);
    expect(query).toHaveBeenCalledTimes(1);
  });

  it("stores nothing for a company that does not exist, and gives the right to fill back", async () => {
    const query = vi.spyOn(companyQueries, "findById").mockResolvedValue(null);
    expect(await companiesService[read]("acme")).toMatchObject({
      success: false,
      error: { code: "NOT_FOUND" },
    });
    query.mockResolvedValue(company(1));
    expect(versionOf(await companiesService[read]("acme"))).toBe(1);
  });

  it("a query that fails rejects, and leaves neither a value nor a lease", async () => {
    const query = vi.spyOn(companyQueries, "findById").mockRejectedValue(new Error("no database"));
    await expect(companiesService[read]("acme")).rejects.toThrow("no database");
    query.mockResolvedValue(company(1));
    expect(versionOf(await companiesService[read]("acme"))).toBe(1);
  });

  it("does not store what it read before a write was acknowledged", async () => {
    const query = vi.spyOn(companyQueries, "findById");
    let answer: (found: Company) => void = () => {};
    const asked = new Promise<void>((resolve) => {
      query.mockImplementationOnce(() => {
        resolve();
        return new Promise((found) => {
          answer = found;
        });
      });
    });
    query.mockResolvedValue(company(2));
    const slow = companiesService[read]("acme");
    await asked;
    vi.spyOn(companyQueries, "update").mockResolvedValue({ before: company(1), after: company(2) });
    await companiesService.updateCompany("acme", { employees: 11 });
    answer(company(1));
    await slow;
    expect(versionOf(await companiesService[read]("acme"))).toBe(2);
  });

  it("goes when its parent goes", async () => {
    const query = vi.spyOn(companyQueries, "findById").mockResolvedValue(company(1));
    await companiesService[read]("acme");
    vi.spyOn(companyQueries, "delete").mockResolvedValue({
      row: { ...company(1), id: "parent" },
      affected: [{ event: "entity:updated", entity: "companies", ids: ["acme"] }],
    });
    await companiesService.deleteCompany("parent", { detachDeals: false });
    query.mockResolvedValue(company(2));
    expect(versionOf(await companiesService[read]("acme"))).toBe(2);
  });
});

it("control: with get and set around the query, what was read before the write stays", async () => {
  const before = company(1);
  expect(await cache.get("companies:acme")).toBeNull();
  vi.spyOn(companyQueries, "update").mockResolvedValue({ before, after: company(2) });
  await companiesService.updateCompany("acme", { employees: 11 });
  await cache.set("companies:acme", before, { ttl: 300, tags: ["company:acme"] });
  vi.spyOn(companyQueries, "findById").mockResolvedValue(company(2));
  expect(versionOf(await companiesService.getCompanyByIdV2("acme"))).toBe(1);
});
