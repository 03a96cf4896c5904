import type { CaseSummary, RowSummary } from "./scenario.ts";

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function range(figures: readonly number[]): readonly [number, number] {
  return [Math.min(...figures), Math.max(...figures)];
}

/** Round by round, so that what slows a whole round cancels. */
export function ratios(row: RowSummary, limit: RowSummary, column: string): readonly number[] {
  const own = row.figures[column]!;
  const other = limit.figures[column]!;
  return own.slice(0, other.length).map((figure, round) => figure / other[round]!);
}

export function ratioTo(row: RowSummary, limit: RowSummary, column: string): number {
  return median(ratios(row, limit, column));
}

export function findRow(summary: CaseSummary, label: string): RowSummary | undefined {
  return summary.rows.find((row) => row.label === label && Object.keys(row.figures).length > 0);
}
