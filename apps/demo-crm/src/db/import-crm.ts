import { sql } from "drizzle-orm";
import { cleanCrm } from "./clean-crm.ts";
import { db } from "./connect.ts";
import type { ImportedTable, ImportReport } from "./import-report.ts";
import { readCrmFiles } from "./read-crm-files.ts";
import { companies, deals, importRuns, products, users } from "./schema.ts";

const BATCH_ROWS = 500;
const IMPORT_LOCK = 7_236_002;

export interface ImportOptions {
  /** The folder with the four files. */
  folder: string;
  /** Called after every batch. */
  onProgress?: ((progress: ImportProgress) => void) | undefined;
  /** Stops between two batches; nothing of the import is left. */
  signal?: AbortSignal | undefined;
}

export interface ImportProgress {
  readonly table: ImportedTable;
  /** Rows of the table that are stored. */
  readonly done: number;
  readonly total: number;
}

export interface ImportResult {
  /** Whether the data was there already, so that nothing was done. */
  readonly skipped: boolean;
  readonly report: ImportReport;
}

/**
 * Imports the CRM data once. All of it or nothing: one transaction, with the report as its last row, so an import
 * that was interrupted starts over, and one that is complete is skipped even when its rows were edited since.
 * Deterministic: the same files give the same rows, whatever the machine; only `updated_at` is the moment of the import.
 */
export async function importCrm({ folder, onProgress, signal }: ImportOptions): Promise<ImportResult> {
  const existing = await findImportReport();
  if (existing) return { skipped: true, report: existing };

  const startedAt = performance.now();
  const clean = cleanCrm(await readCrmFiles(folder));
  return db().transaction(async (transaction) => {
    // Two instances may start on one empty database: the second waits here and then finds the work done.
    await transaction.execute(sql`select pg_advisory_xact_lock(${IMPORT_LOCK})`);
    const [other] = await transaction.select().from(importRuns).limit(1);
    if (other) return { skipped: true, report: other.report };

    const insert = async <Row>(
      table: ImportedTable,
      rows: readonly Row[],
      store: (batch: Row[]) => Promise<unknown>,
    ) => {
      for (let start = 0; start < rows.length; start += BATCH_ROWS) {
        signal?.throwIfAborted();
        await store(rows.slice(start, start + BATCH_ROWS));
        onProgress?.({ table, done: Math.min(start + BATCH_ROWS, rows.length), total: rows.length });
        // The embedded Postgres works on this thread; without a turn of the loop no signal would ever be heard.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    // Companies refer to one another; a single statement is checked at its end, so the order of rows is free.
    await insert("companies", clean.companies, (rows) => transaction.insert(companies).values(rows));
    await insert("users", clean.users, (rows) => transaction.insert(users).values(rows));
    await insert("products", clean.products, (rows) => transaction.insert(products).values(rows));
    await insert("deals", clean.deals, (rows) => transaction.insert(deals).values(rows));

    // The embedded Postgres has no autovacuum; without statistics its plans, and every figure of "without the
    // cache", would be worse than a server's.
    for (const table of [companies, users, products, deals]) await transaction.execute(sql`analyze ${table}`);

    const report = { ...clean.report, durationMs: Math.round(performance.now() - startedAt) };
    await transaction.insert(importRuns).values({ fingerprint: report.fingerprint, report });
    return { skipped: false, report };
  });
}

/** The report of the import that filled this database, or `null`. */
export async function findImportReport(): Promise<ImportReport | null> {
  const [run] = await db().select().from(importRuns).limit(1);
  return run?.report ?? null;
}
