import { BUS_FIELD, readBusEntry } from "../internal/bus-entry.ts";
import type { StreamMessage } from "../store.ts";

/** A message with its place on the line of numbering. */
export interface NumberedMessage extends StreamMessage {
  /** Names the line; "" without one. */
  readonly line: string;
  /** Counts along it; NaN without one. */
  readonly number: number;
}

/** What `XRANGE`, `XREVRANGE` and, of one stream, `XREAD` reply, as text. */
export function readEntries(reply: unknown): NumberedMessage[] {
  return ((reply ?? []) as [string, string[]][]).map(([id, [field, value]]) => {
    if (field !== BUS_FIELD || value === undefined)
      return { id, line: "", number: Number.NaN, message: undefined };
    const { line, number, message } = readBusEntry(value);
    return { id, line, number, message: line === "" ? undefined : message };
  });
}
