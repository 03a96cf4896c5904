import type { AtomicArgument } from "../atomic-operation.ts";
import { type EntryParts, headerBytes, headerFields, writeHeader } from "../entry.ts";
import { bytes, number, text } from "./arguments.ts";

/** As long as the longest header and the length of the tags. */
const BLANK = " ".repeat(24);

/**
 * What a script is told of an entry: header, cost in ms, checksum, body, number of tags, tags.
 *
 * The body is the whole entry, with blanks where the header and the length of the tags will stand: the script, which knows the time, writes
 * over them and need not put a value together, since Redis hashes every string that Lua makes, byte by byte. The header
 * is text, `<first byte> <kind> <fresh> <lives, or nothing> <ms until it expires>`: many entries of a call have the same.
 */
export function entryArguments(entry: {
  readonly freshMs: number;
  readonly totalMs: number;
  readonly parts: EntryParts;
  readonly tags: readonly string[];
}): AtomicArgument[] {
  const { totalMs, parts, tags } = entry;
  const { first, kind, fresh, lives, cost } = headerFields(parts, entry.freshMs, totalMs);
  const header = `${first} ${kind} ${fresh} ${lives ?? ""} ${totalMs}`;
  const tagged = tags.length > 0;
  const before = BLANK.slice(0, headerBytes(first) + (tagged ? 2 : 0)) + (tagged ? tags.join("\0") : "");
  const { payload } = parts;
  const body = typeof payload === "string" ? before + payload : Buffer.concat([Buffer.from(before), payload]);
  return [header, cost, parts.checksum, body, tags.length, ...tags];
}

/** An entry to be written, as a script is told of it. */
export interface EntryWrite {
  readonly key: string;
  readonly header: string;
  readonly totalMs: number;
  readonly cost: number;
  readonly checksum: number;
  readonly body: Buffer;
  readonly tags: readonly string[];
}

/** The entry whose arguments stand from `at`. */
export function entryWrite(key: string, args: readonly AtomicArgument[], at: number): EntryWrite {
  const header = text(args[at]);
  return {
    key,
    header,
    totalMs: Number(header.slice(header.lastIndexOf(" "))),
    cost: number(args[at + 1]),
    checksum: number(args[at + 2]),
    body: bytes(args[at + 3]),
    tags: args.slice(at + 5, at + 5 + number(args[at + 4])).map(text),
  };
}

/** The bytes of an entry that is written now. */
export function writtenBytes({ header, cost, checksum, body, tags }: EntryWrite, now: number): Buffer {
  const [first, kind, fresh, lives] = header.split(" ");
  const written = Buffer.from(body);
  const end = writeHeader(
    written,
    {
      first: Number(first),
      kind: Number(kind),
      fresh: Number(fresh),
      lives: lives === "" ? null : Number(lives),
      cost,
    },
    now,
    checksum,
  );
  if (tags.length > 0) written.writeUInt16BE(Buffer.byteLength(tags.join("\0")), end);
  return written;
}
