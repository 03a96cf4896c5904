import type { ImportProgress } from "../db/import-crm.ts";
import type { ImportReport } from "../db/import-report.ts";

/** Where progress is shown: `process.stdout`, or anything that can be written to. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;
const PLAIN_STEP = 0.25;

const number = (value: number) => value.toLocaleString("en-US");

/** One line that is written over on a terminal; plain lines, one a quarter of a table, in a file or a pipe. */
export function showImportProgress(terminal: Terminal): (progress: ImportProgress) => void {
  let shown = { table: "", step: 0 };
  return ({ table, done, total }) => {
    const text = `Importing ${table}: ${number(done)} of ${number(total)}`;
    if (terminal.isTTY) {
      const filled = Math.round((done / total) * BAR_WIDTH);
      const bar = `${"█".repeat(filled)}${"░".repeat(BAR_WIDTH - filled)}`;
      // Back to the start and clear to the end: a shorter line leaves nothing of a longer one.
      terminal.write(`\r\u001b[K${bar} ${text}`);
      return;
    }
    const step = Math.floor(done / total / PLAIN_STEP);
    if (shown.table === table && shown.step === step) return;
    shown = { table, step };
    terminal.write(`${text}\n`);
  };
}

/** What was imported and every blemish, after the progress line. */
export function showImportReport(terminal: Terminal, report: ImportReport, skipped: boolean): void {
  const { rowsStored: stored, rejected } = report;
  if (terminal.isTTY && !skipped) terminal.write("\r\u001b[K");
  const counts = `${number(stored.companies)} companies, ${number(stored.users)} users, ${number(stored.products)} products, ${number(stored.deals)} deals`;
  if (skipped) {
    terminal.write(
      `The data is there already: ${counts} were imported. What is not as it should be in it: /console/data\n`,
    );
    return;
  }
  terminal.write(`Imported ${counts} in ${(report.durationMs / 1000).toFixed(1)} s\n`);
  const findings = [...report.corrected, ...report.missing, ...report.observed];
  if (findings.length > 0) terminal.write("What is not as it should be in the data:\n");
  for (const { rows, table, field, note } of findings)
    terminal.write(`  ${number(rows).padStart(6)}  ${table}.${field}: ${note}\n`);
  terminal.write(`  ${number(rejected.rows).padStart(6)}  rows could not be used\n`);
  for (const { file, line, reason } of rejected.examples)
    terminal.write(`          ${file}, line ${line}: ${reason}\n`);
}
