import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "csv-parse/sync";

export const CRM_FILES = {
  companies: "accounts.csv",
  users: "sales_teams.csv",
  products: "products.csv",
  deals: "sales_pipeline.csv",
} as const;

const COLUMNS = {
  companies: [
    "account",
    "sector",
    "year_established",
    "revenue",
    "employees",
    "office_location",
    "subsidiary_of",
  ],
  users: ["sales_agent", "manager", "regional_office"],
  products: ["product", "series", "sales_price"],
  deals: [
    "opportunity_id",
    "sales_agent",
    "product",
    "account",
    "deal_stage",
    "engage_date",
    "close_date",
    "close_value",
  ],
} as const;

type Table = keyof typeof CRM_FILES;
/** A row as the file has it: every value a trimmed string, a missing one the empty string. */
export type RawRow<T extends Table = Table> = Record<(typeof COLUMNS)[T][number], string> & { line: number };

export type CrmFiles = { [T in Table]: RawRow<T>[] } & { fingerprint: string };

/** Reads the four files. Refuses a file without its columns before anything is imported. */
export async function readCrmFiles(folder: string): Promise<CrmFiles> {
  const hash = createHash("sha256");
  const read = async <T extends Table>(table: T): Promise<RawRow<T>[]> => {
    const bytes = await readFile(join(folder, CRM_FILES[table]));
    hash.update(`${CRM_FILES[table]}\0${bytes.length}\0`).update(bytes);
    return parseTable(table, bytes);
  };
  // One after another, so that the fingerprint does not depend on which file is read first.
  const companies = await read("companies");
  const users = await read("users");
  const products = await read("products");
  const deals = await read("deals");
  return { companies, users, products, deals, fingerprint: hash.digest("hex") };
}

function parseTable<T extends Table>(table: T, bytes: Buffer): RawRow<T>[] {
  const rows: { record: Record<string, string>; info: { lines: number } }[] = parse(bytes, {
    bom: true,
    columns: true,
    info: true,
    skip_empty_lines: true,
    trim: true,
  });
  const found = Object.keys(rows[0]?.record ?? {});
  const absent = COLUMNS[table].filter((column) => !found.includes(column));
  if (absent.length > 0) throw new Error(`${CRM_FILES[table]} has no column ${absent.join(", ")}`);
  return rows.map(({ record, info }) => ({ ...record, line: info.lines }) as RawRow<T>);
}
