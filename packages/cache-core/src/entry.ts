import { crc32 } from "node:zlib";

/**
 * The bytes of an entry: a header of fixed width, the tags, the payload.
 *
 * ```
 *  0      magic 0xC1
 *  1      codec id (high four bits), codec hint (low four)
 *  2      flags: 1 compressed, 2 has tags, 4 marked stale by a soft invalidation
 *  3..8   created at      ┐
 *  9..14  fresh until     ├ milliseconds of the store's clock, 48 bits, big-endian
 * 15..20  expires at      ┘
 * 21..22  cost of the fetch in ms, at most 65,535
 * 23..26  CRC-32 of everything after the header
 * 27..    with tags: their length in bytes (16 bits), the tags joined by NUL; then the payload
 * ```
 * The times are written by the store, from its own clock. Their place is fixed so that a soft invalidation rewrites
 * "fresh until" where it stands, and a reader knows fresh from stale without parsing the payload.
 */
export const HEADER_BYTES = 27;
export const MAGIC = 0xc1;

const FLAG_COMPRESSED = 1;
const FLAG_TAGS = 2;
const FLAG_MARKED_STALE = 4;

/** The part of an entry that its writer knows; the store adds the times between `head` and `tail`. */
export interface EntryParts {
  /** Bytes 0 to 2. */
  readonly head: Buffer;
  /** Bytes 21 to the end. */
  readonly tail: Buffer;
}

export interface EntryContent {
  readonly codecId: number;
  readonly hint: number;
  readonly compressed: boolean;
  readonly costMs: number;
  readonly tags: readonly string[];
  readonly payload: Buffer;
}

/** A parsed entry. `payload` is a view, not a copy. */
export interface ParsedEntry extends EntryContent {
  readonly createdAt: number;
  readonly freshUntil: number;
  readonly expiresAt: number;
  readonly markedStale: boolean;
}

const NO_TAGS: readonly string[] = Object.freeze([]) as readonly string[];

/** Everything of an entry but its times. */
export function packEntry(content: EntryContent): EntryParts {
  const { tags, payload } = content;
  const tagBytes = tags.length === 0 ? null : Buffer.from(tags.join("\0"), "utf8");
  const tagSpace = tagBytes === null ? 0 : 2 + tagBytes.length;
  const tail = Buffer.allocUnsafe(6 + tagSpace + payload.length);
  tail.writeUInt16BE(Math.min(65_535, Math.max(0, Math.round(content.costMs))), 0);
  if (tagBytes !== null) {
    tail.writeUInt16BE(tagBytes.length, 6);
    tagBytes.copy(tail, 8);
  }
  payload.copy(tail, 6 + tagSpace);
  tail.writeUInt32BE(crc32(tail.subarray(6)), 2);
  const flags = (content.compressed ? FLAG_COMPRESSED : 0) | (tagBytes === null ? 0 : FLAG_TAGS);
  return { head: Buffer.from([MAGIC, (content.codecId << 4) | content.hint, flags]), tail };
}

/** The parsed entry, or `null` when the bytes are not one or are damaged. */
export function parseEntry(bytes: Buffer): ParsedEntry | null {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC) return null;
  if (crc32(bytes.subarray(HEADER_BYTES)) !== bytes.readUInt32BE(23)) return null;
  const flags = bytes[2] as number;
  let tags = NO_TAGS;
  let start = HEADER_BYTES;
  if ((flags & FLAG_TAGS) !== 0) {
    if (bytes.length < start + 2) return null;
    const length = bytes.readUInt16BE(start);
    start += 2;
    if (bytes.length < start + length) return null;
    tags = bytes.toString("utf8", start, start + length).split("\0");
    start += length;
  }
  const kind = bytes[1] as number;
  return {
    codecId: kind >> 4,
    hint: kind & 15,
    compressed: (flags & FLAG_COMPRESSED) !== 0,
    markedStale: (flags & FLAG_MARKED_STALE) !== 0,
    createdAt: bytes.readUIntBE(3, 6),
    freshUntil: bytes.readUIntBE(9, 6),
    expiresAt: bytes.readUIntBE(15, 6),
    costMs: bytes.readUInt16BE(21),
    tags,
    payload: bytes.subarray(start),
  };
}
