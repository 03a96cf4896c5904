// What the API answers, made from the types of the server that answers it: nothing is written twice, and nothing can drift.
// Types alone cross over; no code of the server reaches the browser.
import type { CacheStats, Explanation } from "@crm/cache-core";
import type { HistoryRecord as ServerHistoryRecord } from "@crm/cache-invalidator";
import type { ImportReport as ServerImportReport } from "../../../src/db/import-report.ts";
import type { LeaderboardEntry, PipelineStage, SectorRevenue } from "../../../src/db/queries/aggregates.ts";
import type { DealsSummary } from "../../../src/db/queries/companies.ts";
import type { CompanySort } from "../../../src/db/queries/company-sorts.ts";
import type { DealValues, DealView } from "../../../src/db/queries/deals.ts";
import type { Page as ServerPage } from "../../../src/db/queries/page.ts";
import type * as rows from "../../../src/db/schema.ts";
import type { Problem as ServerProblem } from "../../../src/http/problem.ts";
import type { EntityChange } from "../../../src/live/change-feed.ts";
import type { Comparison } from "../../../src/live/compare-reads.ts";
import type { LiveSample } from "../../../src/live/live-feed.ts";
import type { LoadState } from "../../../src/live/run-load.ts";
import type { WriteMeta } from "../../../src/services/api-response.ts";

/** A value after its way through JSON. */
export type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

export type Page<T> = ServerPage<T>;
export type Company = Json<rows.Company>;
export type CompanyDetail = Company & { readonly dealsSummary: DealsSummary };
export type Deal = Json<DealView>;
export type User = Json<rows.User>;
export type Contact = Json<rows.Contact>;
export type Lead = Json<rows.Lead>;
export type Project = Json<rows.Project>;
export type Quote = Json<rows.Quote>;
export type Task = Json<rows.Task>;
export type DealStage = rows.DealStage;
export type HistoryRecord = Json<ServerHistoryRecord>;
export type ImportReport = Json<ServerImportReport>;
export type Problem = Omit<ServerProblem, "status"> & {
  readonly status: number;
  readonly "violated-policies"?: readonly string[];
};
export type {
  CacheStats,
  CompanySort,
  Comparison,
  DealValues,
  EntityChange,
  Explanation,
  LeaderboardEntry,
  LiveSample,
  LoadState,
  PipelineStage,
  SectorRevenue,
  WriteMeta,
};

/** The rows of each entity that the app lists. */
export interface Rows {
  readonly companies: Company;
  readonly deals: Deal;
  readonly users: User;
  readonly contacts: Contact;
  readonly leads: Lead;
  readonly projects: Project;
  readonly quotes: Quote;
  readonly tasks: Task;
}
export type EntityName = keyof Rows;
