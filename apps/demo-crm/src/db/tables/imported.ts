import { sql } from "drizzle-orm";
import {
  check,
  date,
  index,
  integer,
  jsonb,
  numeric,
  type PgColumn,
  pgTable,
  text,
  timestamp,
} from "drizzle-orm/pg-core";
import type { ImportReport } from "../import-report.ts";
import { written } from "./columns.ts";

export const DEAL_STAGES = ["Prospecting", "Engaging", "Won", "Lost"] as const;
export type DealStage = (typeof DEAL_STAGES)[number];

export const companies = pgTable(
  "companies",
  {
    /** Slug of the first name; renaming a company keeps it. */
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    sector: text("sector").notNull(),
    /** What the source said, when the import read it as something else. */
    sectorRaw: text("sector_raw"),
    yearEstablished: integer("year_established"),
    /** Millions of US dollars. */
    revenueMillions: numeric("revenue_millions", { precision: 12, scale: 2, mode: "number" }),
    employees: integer("employees"),
    country: text("country"),
    countryRaw: text("country_raw"),
    parentCompanyId: text("parent_company_id").references((): PgColumn => companies.id, {
      onDelete: "set null",
    }),
    ...written,
  },
  (table) => [
    index("companies_sector").on(table.sector),
    index("companies_parent").on(table.parentCompanyId),
  ],
);

export const users = pgTable("users", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  manager: text("manager").notNull(),
  office: text("office").notNull(),
  ...written,
});

export const products = pgTable("products", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  series: text("series").notNull(),
  listPrice: integer("list_price").notNull(),
});

export const deals = pgTable(
  "deals",
  {
    id: text("id").primaryKey(),
    userId: text("user_id")
      .notNull()
      .references(() => users.id),
    productId: text("product_id")
      .notNull()
      .references(() => products.id),
    productRaw: text("product_raw"),
    /** Null for the 1,425 opportunities whose account the source does not name. */
    companyId: text("company_id").references(() => companies.id, { onDelete: "set null" }),
    stage: text("stage", { enum: DEAL_STAGES }).notNull(),
    engageDate: date("engage_date", { mode: "string" }),
    /** Null, with the value, while a deal is open. */
    closeDate: date("close_date", { mode: "string" }),
    closeValue: integer("close_value"),
    ...written,
  },
  (table) => [
    index("deals_company").on(table.companyId),
    index("deals_user").on(table.userId),
    index("deals_product").on(table.productId),
    index("deals_stage").on(table.stage),
    index("deals_recent").on(sql`${table.engageDate} desc nulls last`, table.id),
    check(
      "deals_closed_have_date_and_value",
      sql`(${table.stage} in ('Won', 'Lost')) = (${table.closeDate} is not null)
        and (${table.closeDate} is null) = (${table.closeValue} is null)`,
    ),
  ],
);

/** One row: what the import did. Its presence says that the import is complete, for it is written last. */
export const importRuns = pgTable("import_runs", {
  fingerprint: text("fingerprint").primaryKey(),
  finishedAt: timestamp("finished_at", { withTimezone: true, mode: "date" }).notNull().defaultNow(),
  report: jsonb("report").$type<ImportReport>().notNull(),
});

export type Company = typeof companies.$inferSelect;
export type User = typeof users.$inferSelect;
export type Product = typeof products.$inferSelect;
export type Deal = typeof deals.$inferSelect;
