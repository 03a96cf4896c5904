import type { DealStage } from "./schema.ts";

/** What the import found in the files and what it did about it. Stored with the data and shown wherever it is. */
export interface ImportReport {
  readonly source: string;
  /** SHA-256 of the files. */
  readonly fingerprint: string;
  readonly rowsRead: Readonly<Record<ImportedTable, number>>;
  readonly rowsStored: Readonly<Record<ImportedTable, number>>;
  readonly dealsByStage: Readonly<Record<DealStage, number>>;
  /** Values that were read as something else; the raw value is kept beside the corrected one. */
  readonly corrected: readonly Finding[];
  /** Values that the source does not have; stored as null, never guessed. */
  readonly missing: readonly Finding[];
  /** Worth knowing, stored as it is. */
  readonly observed: readonly Finding[];
  /** Rows that could not be stored. The first 50 are named. */
  readonly rejected: { readonly rows: number; readonly examples: readonly RejectedRow[] };
  readonly durationMs: number;
}

export type ImportedTable = "companies" | "users" | "products" | "deals";

export interface Finding {
  readonly table: ImportedTable;
  readonly field: string;
  readonly rows: number;
  /** One sentence: what was found and what was done. */
  readonly note: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface RejectedRow {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}
