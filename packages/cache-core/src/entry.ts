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

/**
 * The part of an entry that its writer knows. The store makes the bytes: it has the times. Plain numbers and, where
 * the codec gives it, text instead of bytes, since a command without binary arguments costs the client a third less.
 */
export interface EntryParts {
  /** Codec id and hint. */
  readonly kind: number;
  readonly flags: number;
  readonly costMs: number;
  /** CRC-32 of the tags, with their length, and the payload. */
  readonly checksum: number;
  readonly payload: string | Buffer;
}

export interface EntryContent {
  readonly codecId: number;
  readonly hint: number;
  readonly compressed: boolean;
  readonly costMs: number;
  readonly tags: readonly string[];
}

/** A parsed entry. `payload` is a view, not a copy. */
export interface ParsedEntry extends EntryContent {
  readonly payload: Buffer;
  readonly createdAt: number;
  readonly freshUntil: number;
  readonly expiresAt: number;
  readonly markedStale: boolean;
}

const NO_TAGS: readonly string[] = Object.freeze([]) as readonly string[];

/** Everything of an entry but its times. */
export function packEntry(content: EntryContent & { readonly payload: string | Buffer }): EntryParts {
  const { tags, payload } = content;
  let flags = content.compressed ? FLAG_COMPRESSED : 0;
  let checksum = 0;
  if (tags.length > 0) {
    flags |= FLAG_TAGS;
    checksum = crc32(packTags(tags));
  }
  return {
    kind: (content.codecId << 4) | content.hint,
    flags,
    costMs: Math.min(65_535, Math.max(0, Math.round(content.costMs))),
    checksum: crc32(payload, checksum),
    payload,
  };
}

/** The tags with their length, as they stand behind the header; no bytes for no tags. */
export function packTags(tags: readonly string[]): Buffer {
  if (tags.length === 0) return Buffer.alloc(0);
  const text = tags.join("\0");
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes.writeUInt16BE(length, 0);
  bytes.write(text, 2, "utf8");
  return bytes;
}

/** The bytes of an entry, as the store makes them. */
export function entryBytes(
  parts: EntryParts,
  tags: readonly string[],
  times: { readonly createdAt: number; readonly freshUntil: number; readonly expiresAt: number },
): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = MAGIC;
  header[1] = parts.kind;
  header[2] = parts.flags;
  header.writeUIntBE(times.createdAt, 3, 6);
  header.writeUIntBE(times.freshUntil, 9, 6);
  header.writeUIntBE(times.expiresAt, 15, 6);
  header.writeUInt16BE(parts.costMs, 21);
  header.writeUInt32BE(parts.checksum, 23);
  const { payload } = parts;
  return Buffer.concat([
    header,
    packTags(tags),
    typeof payload === "string" ? Buffer.from(payload) : payload,
  ]);
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
    // The writer's word against the reader's estimate of its clock: what was marked stale is never fresh.
    freshUntil: (flags & FLAG_MARKED_STALE) !== 0 ? 0 : bytes.readUIntBE(9, 6),
    expiresAt: bytes.readUIntBE(15, 6),
    costMs: bytes.readUInt16BE(21),
    tags,
    payload: bytes.subarray(start),
  };
}
