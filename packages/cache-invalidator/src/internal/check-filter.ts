import { InvalidOptionError } from "@crm/cache-core";
import { isExact } from "./event-text.ts";
import type { HistoryFilter } from "./history-log.ts";

const MAX_COUNT = 100_000;
const TEXTS = ["event", "entityType", "entityId", "actor", "cause", "instance"] as const;

const FIELDS: ReadonlySet<string> = new Set([...TEXTS, "since", "until", "limit"]);

/** @throws InvalidOptionError */
export function checkCount(value: unknown, option: string, min: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= MAX_COUNT) {
    return value as number;
  }
  const expected = `a whole number from ${min} to 100,000`;
  throw new InvalidOptionError({ option, received: value, expected });
}

/** A filter that cannot be matched is refused: an empty answer would say that nothing happened. @throws InvalidOptionError */
export function checkFilter(filter: HistoryFilter): HistoryFilter {
  if (typeof filter !== "object" || filter === null) {
    throw new InvalidOptionError({ option: "filter", received: filter, expected: "an object" });
  }
  for (const option of Object.keys(filter)) {
    if (FIELDS.has(option)) continue;
    throw new InvalidOptionError({
      option,
      received: filter[option as never],
      expected: `one of ${[...FIELDS].join(", ")}`,
    });
  }
  if (filter.limit !== undefined) checkCount(filter.limit, "limit", 1);
  const given: Record<string, unknown> = { ...filter };
  // Events are called by numbers as well.
  if (isExact(given.entityId)) given.entityId = String(given.entityId);
  for (const option of TEXTS) {
    const value = given[option];
    if (value === undefined || (typeof value === "string" && value !== "")) continue;
    throw new InvalidOptionError({ option, received: value, expected: "a string that is not empty" });
  }
  if (filter.event !== undefined && !/^entity:(created|updated|deleted)$/.test(filter.event)) {
    const expected = "entity:created, entity:updated or entity:deleted";
    throw new InvalidOptionError({ option: "event", received: filter.event, expected });
  }
  for (const option of ["since", "until"] as const) {
    const value: unknown = filter[option];
    if (value === undefined || (value instanceof Date && !Number.isNaN(value.getTime()))) continue;
    throw new InvalidOptionError({ option, received: value, expected: "a valid Date" });
  }
  const { since, until } = filter;
  if (since !== undefined && until !== undefined && since > until) {
    const expected = `a Date up to that of \`until\`, ${until.toISOString()}`;
    throw new InvalidOptionError({ option: "since", received: since.toISOString(), expected });
  }
  return given as HistoryFilter;
}
