/**
 * An entry of the bus has one field, `m`: a head, a line feed, the message. The head is `<line> <number>`, and ` <bound>` where
 * a process that keeps a history has noted how much the stream is to keep: `<messages>:<ms>`. One field, because a
 * client that catches up spends most of its time on taking strings apart: with four fields an entry was nine of them.
 */
export const BUS_FIELD = "m";

/** What an entry of the bus says. */
export interface BusEntry {
  /** Names the line of numbering; "" in bytes of somebody else. */
  readonly line: string;
  /** Counts along the line from 1; NaN in bytes of somebody else. */
  readonly number: number;
  /** `<messages>:<ms>`, or "". */
  readonly bound: string;
  readonly message: string;
}

const FOREIGN: BusEntry = { line: "", number: Number.NaN, bound: "", message: "" };

/** The value of the field. */
export function packBusEntry({ line, number, bound }: Omit<BusEntry, "message">, message: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${line} ${number}${bound === "" ? "" : ` ${bound}`}\n`), message]);
}

/** Reads the value of the field. By hand: a client that catches up reads tens of thousands. */
export function readBusEntry(value: string): BusEntry {
  const end = value.indexOf("\n");
  const space = value.indexOf(" ");
  if (space < 1 || end <= space) return FOREIGN;
  const next = value.indexOf(" ", space + 1);
  const behind = next === -1 || next > end ? end : next;
  const digits = value.slice(space + 1, behind);
  const bound = behind === end ? "" : value.slice(behind + 1, end);
  if (!/^\d+$/.test(digits) || bound.includes(" ")) return FOREIGN;
  return { line: value.slice(0, space), number: Number(digits), bound, message: value.slice(end + 1) };
}
