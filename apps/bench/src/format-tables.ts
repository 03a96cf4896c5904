import type { CaseSummary, Criterion, Scenario } from "./scenario.ts";
import { findRow, median, range, ratios } from "./statistics.ts";

/** Markdown that is also readable on a terminal. */
export function formatCase(scenario: Scenario, summary: CaseSummary): string {
  const limit = findRow(summary, summary.limit);
  // A case that does not measure something has no column for it.
  const columns = scenario.columns.filter(({ key }) =>
    summary.rows.some(({ figures }) => Object.keys(figures).length === 0 || figures[key] !== undefined),
  );
  const head = columns.flatMap(({ title, ratio }) => (ratio ? [title, "ratio"] : [title]));
  const body = summary.rows.map((row) => {
    const name = row.label === summary.limit ? `${row.label} (limit)` : row.label;
    if (Object.keys(row.figures).length === 0) return [name, ...head.map(() => "failed")];
    const cells = columns.flatMap((column) => {
      const shown = formatFigures(row.figures[column.key] ?? []);
      if (!column.ratio) return [shown];
      return [shown, limit ? formatFigures(ratios(row, limit, column.key)) : "-"];
    });
    return [name, ...cells];
  });
  return formatTable(["contender", ...head], body);
}

export function formatCriteria(criteria: readonly Criterion[]): string {
  return formatTable(
    ["promise", "measured", "kept"],
    criteria.map(({ promise, measured, kept }) => [promise, measured, kept ? "yes" : "**no**"]),
  );
}

export function formatTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, 4, ...body.map((row) => row[i]!.length)));
  const numeric = head.map((_, i) => i > 0 && body.every((row) => /^[\d,.–()\s-]*$|^failed$/.test(row[i]!)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join(" | ")} |`;
  const rule = widths.map((width, i) => (numeric[i] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}

/** The median, and the range where the rounds differ. */
function formatFigures(figures: readonly number[]): string {
  if (figures.length === 0) return "-";
  const middle = formatNumber(median(figures));
  const [low, high] = range(figures).map(formatNumber);
  return low === high ? middle : `${middle} (${low}–${high})`;
}

export function formatNumber(figure: number): string {
  if (Number.isInteger(figure)) return figure.toLocaleString("en");
  if (Math.abs(figure) >= 1000) return Math.round(figure).toLocaleString("en");
  if (Math.abs(figure) >= 100) return figure.toFixed(0);
  if (Math.abs(figure) >= 10) return figure.toFixed(1);
  return figure.toFixed(Math.abs(figure) < 0.01 && figure !== 0 ? 4 : Math.abs(figure) < 0.1 ? 3 : 2);
}
