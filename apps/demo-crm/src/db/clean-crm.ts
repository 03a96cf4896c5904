import type { Finding, ImportReport, RejectedRow } from "./import-report.ts";
import { CRM_FILES, type CrmFiles, type RawRow } from "./read-crm-files.ts";
import {
  type companies,
  DEAL_STAGES,
  type DealStage,
  type deals,
  type products,
  type users,
} from "./schema.ts";
import { slug } from "./slug.ts";

// Every correction is listed here; a value that is not listed is stored as it stands or, where it must refer to
// something that does not exist, its row is rejected and reported.
const SECTORS = new Map([["technolgy", "technology"]]);
const COUNTRIES = new Map([["Philipines", "Philippines"]]);
const PRODUCTS = new Map([["GTXPro", "GTX Pro"]]);

const REJECTED_EXAMPLES = 50;
const SOURCE =
  'Maven Analytics Data Playground, "CRM Sales Opportunities" (fictitious company, public domain)';

export interface CleanCrm {
  companies: (typeof companies.$inferInsert)[];
  users: (typeof users.$inferInsert)[];
  products: (typeof products.$inferInsert)[];
  deals: (typeof deals.$inferInsert)[];
  report: Omit<ImportReport, "durationMs">;
}

/** Turns the files into rows, and says what it changed, what is missing and what it could not use. Pure. */
export function cleanCrm(files: CrmFiles): CleanCrm {
  const rejected: RejectedRow[] = [];
  const stored = { companies: new Set<string>(), users: new Set<string>(), products: new Set<string>() };
  const dealIds = new Set<string>();

  const reject = (table: keyof typeof CRM_FILES, row: { line: number }, reason: string): [] => {
    rejected.push({ file: CRM_FILES[table], line: row.line, reason });
    return [];
  };
  /** The id for a name; rejects a row without a name and a second row of the same name. */
  const claim = (table: keyof typeof stored, row: { line: number }, name: string): string | undefined => {
    const id = slug(name);
    if (!id || stored[table].has(id)) {
      reject(table, row, id ? `the name is used already: ${name}` : "no name");
      return undefined;
    }
    stored[table].add(id);
    return id;
  };

  const cleanCompanies = files.companies.flatMap((row) => {
    const id = claim("companies", row, row.account);
    if (!id) return [];
    const sector = correct(SECTORS, row.sector);
    const country = correct(COUNTRIES, row.office_location);
    return {
      id,
      name: row.account,
      sector: sector.value || "unknown",
      sectorRaw: sector.raw,
      yearEstablished: wholeNumber(row.year_established),
      revenueMillions: decimal(row.revenue),
      employees: wholeNumber(row.employees),
      country: country.value || null,
      countryRaw: country.raw,
      parentCompanyId: slug(row.subsidiary_of) || null,
    };
  });
  for (const company of cleanCompanies) {
    if (company.parentCompanyId && !stored.companies.has(company.parentCompanyId))
      company.parentCompanyId = null;
  }

  const cleanUsers = files.users.flatMap((row) => {
    const id = claim("users", row, row.sales_agent);
    return id ? { id, name: row.sales_agent, manager: row.manager, office: row.regional_office } : [];
  });

  const cleanProducts = files.products.flatMap((row) => {
    const listPrice = wholeNumber(row.sales_price);
    if (listPrice === null) return reject("products", row, `no list price: ${row.sales_price}`);
    const id = claim("products", row, row.product);
    return id ? { id, name: row.product, series: row.series, listPrice } : [];
  });

  const cleanDeals = files.deals.flatMap((row) => {
    const product = correct(PRODUCTS, row.product);
    const deal = {
      id: row.opportunity_id,
      userId: slug(row.sales_agent),
      productId: slug(product.value),
      productRaw: product.raw,
      companyId: slug(row.account) || null,
      stage: row.deal_stage as DealStage,
      engageDate: row.engage_date || null,
      closeDate: row.close_date || null,
      closeValue: wholeNumber(row.close_value),
    };
    const reason = wrongWith(deal);
    if (reason) return reject("deals", row, reason);
    dealIds.add(deal.id);
    return deal;
  });

  function wrongWith(deal: CleanCrm["deals"][number]): string | undefined {
    const closed = deal.stage === "Won" || deal.stage === "Lost";
    if (!/^[A-Z0-9]{1,32}$/.test(deal.id)) return `not an opportunity id: ${deal.id}`;
    if (dealIds.has(deal.id)) return `the opportunity id is used already: ${deal.id}`;
    if (!DEAL_STAGES.includes(deal.stage)) return `unknown stage: ${deal.stage}`;
    if (!stored.users.has(deal.userId)) return `unknown sales agent: ${deal.userId}`;
    if (!stored.products.has(deal.productId)) return `unknown product: ${deal.productId}`;
    if (deal.companyId && !stored.companies.has(deal.companyId)) return `unknown account: ${deal.companyId}`;
    if (!isDateOrNull(deal.engageDate) || !isDateOrNull(deal.closeDate)) return "not a date";
    if (closed !== (deal.closeDate !== null) || closed !== (deal.closeValue !== null))
      return `${deal.stage}, but ${closed ? "without" : "with"} a close date or value`;
    return undefined;
  }

  const dealsByStage = Object.fromEntries(
    DEAL_STAGES.map((stage) => [stage, cleanDeals.filter((deal) => deal.stage === stage).length]),
  ) as Record<DealStage, number>;

  return {
    companies: cleanCompanies,
    users: cleanUsers,
    products: cleanProducts,
    deals: cleanDeals,
    report: {
      source: SOURCE,
      fingerprint: files.fingerprint,
      rowsRead: {
        companies: files.companies.length,
        users: files.users.length,
        products: files.products.length,
        deals: files.deals.length,
      },
      rowsStored: {
        companies: cleanCompanies.length,
        users: cleanUsers.length,
        products: cleanProducts.length,
        deals: cleanDeals.length,
      },
      dealsByStage,
      corrected: findCorrected(files),
      missing: findMissing(files.deals),
      observed: findObserved(files),
      rejected: { rows: rejected.length, examples: rejected.slice(0, REJECTED_EXAMPLES) },
    },
  };
}

function findCorrected(files: CrmFiles): Finding[] {
  const count = (rows: readonly string[], corrections: Map<string, string>) =>
    [...corrections].map(([from, to]) => ({ from, to, rows: rows.filter((value) => value === from).length }));
  const note = ({ from, to }: { from: string; to: string }) =>
    `"${from}" was read as "${to}"; the raw value is kept`;
  return [
    ...count(
      files.companies.map((row) => row.sector),
      SECTORS,
    ).map((found) => ({ table: "companies" as const, field: "sector", ...found, note: note(found) })),
    ...count(
      files.companies.map((row) => row.office_location),
      COUNTRIES,
    ).map((found) => ({ table: "companies" as const, field: "country", ...found, note: note(found) })),
    ...count(
      files.deals.map((row) => row.product),
      PRODUCTS,
    ).map((found) => ({ table: "deals" as const, field: "product", ...found, note: note(found) })),
  ].filter((found) => found.rows > 0);
}

function findMissing(rows: readonly RawRow<"deals">[]): Finding[] {
  const finding = (
    field: string,
    column: "account" | "engage_date" | "close_date" | "close_value",
    why: string,
  ) => {
    const empty = rows.filter((row) => !row[column]);
    const stages = DEAL_STAGES.filter((stage) => empty.some((row) => row.deal_stage === stage));
    const each = stages.map(
      (stage) => `${empty.filter((row) => row.deal_stage === stage).length.toLocaleString("en")} ${stage}`,
    );
    return { table: "deals" as const, field, rows: empty.length, note: `${why} (${each.join(", ")})` };
  };
  return [
    finding("company", "account", "no account is named; the deal is kept without a company"),
    finding("engageDate", "engage_date", "nobody has engaged yet; kept without a date"),
    finding("closeDate", "close_date", "the deal is open; kept without a close date"),
    finding("closeValue", "close_value", "the deal is open; kept without a value, not as 0"),
  ].filter((found) => found.rows > 0);
}

function findObserved(files: CrmFiles): Finding[] {
  const selling = new Set(files.deals.map((row) => row.sales_agent));
  const idle = files.users.filter((row) => !selling.has(row.sales_agent));
  const korea = files.companies.filter((row) => row.office_location === "Korea");
  const lostAtZero = files.deals.filter((row) => row.deal_stage === "Lost" && row.close_value === "0");
  const findings: Finding[] = [
    {
      table: "users",
      field: "name",
      rows: idle.length,
      note: `no deals, shown with zeros: ${idle.map((row) => row.sales_agent).join(", ")}`,
    },
    {
      table: "companies",
      field: "country",
      rows: korea.length,
      note: '"Korea" does not say which; left as it is',
    },
    {
      table: "deals",
      field: "closeValue",
      rows: lostAtZero.length,
      note: "lost deals carry the value 0; averages of deal size count won deals only",
    },
  ];
  return findings.filter((found) => found.rows > 0);
}

function correct(corrections: Map<string, string>, value: string): { value: string; raw: string | null } {
  const corrected = corrections.get(value);
  return corrected === undefined ? { value, raw: null } : { value: corrected, raw: value };
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function decimal(text: string): number | null {
  return /^\d{1,9}(\.\d{1,2})?$/.test(text) ? Number(text) : null;
}

function isDateOrNull(text: string | null | undefined): boolean {
  return !text || (/^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)));
}
