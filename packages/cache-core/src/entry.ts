import { crc32 } from "node:zlib";
import { InvalidTagError } from "./errors/invalid-text-errors.ts";

/**
 * The bytes of an entry: a header, the tags, the payload.
 *
 * ```
 *  0      0xC0 and flags: 1 compressed, 2 has tags, 4 marked stale, 8 durations are seconds,
 *         16 has "lives for", 32 has "cost"
 *  1      codec id (high four bits), codec hint (low four)
 *  2..7   created at: milliseconds of the store's clock, 48 bits, big-endian
 *  8..11  fresh for: milliseconds
 *  +4     lives for, when that is longer
 *  +2     cost of the fetch in ms, at most 65,535, when it is known
 *  +4     CRC-32 of everything after the header
 *         with tags: their length in bytes (16 bits), the tags joined by NUL; then the payload
 * ```
 * 16 bytes for most entries: at a million of them each byte is a megabyte and a half. The time is written by the store,
 * from its own clock. A soft invalidation sets one flag in the first byte where it stands, and a reader knows fresh
 * from stale without parsing the payload.
 */
export const MIN_HEADER_BYTES = 16;
export const MAX_HEADER_BYTES = 22;
const MAGIC = 0xc0;

const FLAG_COMPRESSED = 1;
const FLAG_TAGS = 2;
export const FLAG_MARKED_STALE = 4;
const FLAG_SECONDS = 8;
const FLAG_LIVES = 16;
const FLAG_COST = 32;
/** What the length of the tags has room for. */
const MAX_TAG_BYTES = 0xffff;
/** Durations from here on are kept in seconds: 49 days in ms fill 32 bits. */
const MAX_MS = 0xffff_ffff;

/** Whether bytes claim to be an entry. */
export function looksLikeEntry(bytes: Uint8Array): boolean {
  return bytes.length >= MIN_HEADER_BYTES && ((bytes[0] as number) & MAGIC) === MAGIC;
}

/** Bytes of the header that begins so. */
export function headerBytes(first: number): number {
  return MIN_HEADER_BYTES + ((first & FLAG_LIVES) !== 0 ? 4 : 0) + ((first & FLAG_COST) !== 0 ? 2 : 0);
}

/** The times in a header, in ms of the store's clock. */
export function readTimes(bytes: Buffer): { createdAt: number; freshUntil: number; expiresAt: number } {
  const first = bytes[0] as number;
  const unit = (first & FLAG_SECONDS) !== 0 ? 1_000 : 1;
  const createdAt = bytes.readUIntBE(2, 6);
  const freshMs = bytes.readUInt32BE(8) * unit;
  const livesMs = (first & FLAG_LIVES) !== 0 ? bytes.readUInt32BE(12) * unit : freshMs;
  return {
    createdAt,
    freshUntil: (first & FLAG_MARKED_STALE) !== 0 ? 0 : createdAt + freshMs,
    expiresAt: createdAt + livesMs,
  };
}

/**
 * The part of an entry that its writer knows; the store has the time. Plain numbers and, where the codec gives it, text instead
 * of bytes, since a command without binary arguments costs the client a third less.
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

/** Bytes of a payload, as they lie in the store. */
export function payloadBytes({ payload }: EntryParts): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
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

/**
 * Everything of an entry but its times.
 *
 * @throws InvalidTagError when the tags, each of which may be one, are too long together
 */
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
  if (length > MAX_TAG_BYTES) {
    const problem = `together, with their scopes, they take ${length} bytes of ${MAX_TAG_BYTES}`;
    throw new InvalidTagError({ parameter: "tags", received: tags, problem });
  }
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes.writeUInt16BE(length, 0);
  bytes.write(text, 2, "utf8");
  return bytes;
}

/** What a header says but for two things: when the entry was written, which the store knows, and the checksum. */
export interface HeaderFields {
  /** The first byte. */
  readonly first: number;
  readonly kind: number;
  /** In ms, or in seconds where the first byte says so. */
  readonly fresh: number;
  /** Likewise; `null` when it lives as long as it is fresh. */
  readonly lives: number | null;
  /** In ms; 0 when it is not known. */
  readonly cost: number;
}

export function headerFields(parts: EntryParts, freshMs: number, totalMs: number): HeaderFields {
  const seconds = totalMs > MAX_MS;
  const unit = seconds ? 1_000 : 1;
  const lives = totalMs === freshMs ? null : Math.ceil(totalMs / unit);
  const first =
    MAGIC |
    parts.flags |
    (seconds ? FLAG_SECONDS : 0) |
    (lives !== null ? FLAG_LIVES : 0) |
    (parts.costMs > 0 ? FLAG_COST : 0);
  return { first, kind: parts.kind, fresh: Math.ceil(freshMs / unit), lives, cost: parts.costMs };
}

/** Writes a header to the beginning of `target`; replies how many bytes it has. */
export function writeHeader(
  target: Buffer,
  { first, kind, fresh, lives, cost }: HeaderFields,
  createdAt: number,
  checksum: number,
): number {
  target[0] = first;
  target[1] = kind;
  target.writeUIntBE(createdAt, 2, 6);
  let end = target.writeUInt32BE(fresh, 8);
  if (lives !== null) end = target.writeUInt32BE(lives, end);
  if (cost > 0) end = target.writeUInt16BE(cost, end);
  return target.writeUInt32BE(checksum, end);
}

/** The bytes of an entry. */
export function entryBytes(
  parts: EntryParts,
  tags: readonly string[],
  times: { readonly createdAt: number; readonly freshMs: number; readonly totalMs: number },
): Buffer {
  const header = Buffer.allocUnsafe(MAX_HEADER_BYTES);
  const fields = headerFields(parts, times.freshMs, times.totalMs);
  const end = writeHeader(header, fields, times.createdAt, parts.checksum);
  const { payload } = parts;
  return Buffer.concat([
    header.subarray(0, end),
    packTags(tags),
    typeof payload === "string" ? Buffer.from(payload) : payload,
  ]);
}

/** The parsed entry, or `null` when the bytes are not one or are damaged. */
export function parseEntry(bytes: Buffer): ParsedEntry | null {
  if (!looksLikeEntry(bytes)) return null;
  const first = bytes[0] as number;
  let start = headerBytes(first);
  if (bytes.length < start || crc32(bytes.subarray(start)) !== bytes.readUInt32BE(start - 4)) return null;
  const costMs = (first & FLAG_COST) !== 0 ? bytes.readUInt16BE(start - 6) : 0;
  let tags = NO_TAGS;
  if ((first & FLAG_TAGS) !== 0) {
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
    compressed: (first & FLAG_COMPRESSED) !== 0,
    markedStale: (first & FLAG_MARKED_STALE) !== 0,
    ...readTimes(bytes),
    costMs,
    tags,
    payload: bytes.subarray(start),
  };
}
