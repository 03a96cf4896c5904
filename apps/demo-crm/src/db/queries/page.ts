/** One page of a list, with what it takes to ask for the others. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly page: number;
  readonly limit: number;
  readonly total: number;
  readonly pages: number;
}

export interface PageRequest {
  /** From 1. */
  readonly page: number;
  readonly limit: number;
}

export function toPage<T>(items: readonly T[], total: number, { page, limit }: PageRequest): Page<T> {
  return { items, page, limit, total, pages: Math.max(1, Math.ceil(total / limit)) };
}

/** A `LIKE` pattern that finds the text itself, whatever wildcards it contains. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}
