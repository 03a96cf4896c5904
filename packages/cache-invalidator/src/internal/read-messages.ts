import type { StreamMessage } from "@crm/cache-core";
import { readRecord, type WireRecord } from "./records.ts";

/** A message of the bus, for the history. */
export interface ReadMessage {
  readonly id: string;
  /** The record to be found at this place; `null` where there is none, or where its outcome follows. */
  readonly indexed: WireRecord | null;
  /** What the history says at this place: the outcome, where it is known. */
  readonly noted: WireRecord | null;
}

const RECORD = '"a":{"t":"';
const UNIT = '","id":"';

/**
 * Reads messages that follow one another. A record whose outcome is among them is not parsed, since the outcome repeats
 * it: of what has piled up that is half of the work.
 */
export function readMessages(messages: readonly StreamMessage[], scope: string): ReadMessage[] {
  const outcomes = new Map<string, string>();
  const units = messages.map(({ message }) => {
    const found = message === undefined ? null : findUnit(message);
    if (found?.outcome === true) outcomes.set(found.unit, message as string);
    return found;
  });
  const parsed = new Map<string, WireRecord | null>();
  const outcomeOf = (unit: string): WireRecord | null => {
    const known = parsed.get(unit);
    if (known !== undefined) return known;
    const wire = readRecord(outcomes.get(unit), scope);
    parsed.set(unit, wire);
    return wire;
  };
  return messages.map(({ id, message }, i) => {
    const found = units[i];
    if (found == null) return { id, indexed: null, noted: null };
    if (!outcomes.has(found.unit)) {
      const wire = readRecord(message, scope);
      return { id, indexed: wire, noted: wire };
    }
    const noted = outcomeOf(found.unit);
    return { id, indexed: found.outcome ? noted : null, noted };
  });
}

/** Which unit a message is a record of, without parsing it; `null` for one that holds no record. */
function findUnit(message: string): { unit: string; outcome: boolean } | null {
  const at = message.indexOf(RECORD);
  if (at === -1) return null;
  const type = message[at + RECORD.length];
  const from = at + RECORD.length + 1;
  if ((type !== "i" && type !== "o") || !message.startsWith(UNIT, from)) return null;
  const begin = from + UNIT.length;
  return { unit: message.slice(begin, message.indexOf('"', begin)), outcome: type === "o" };
}
