import type { Codec } from "../codec.ts";
import { compressPayload, decompressPayload } from "../compression.ts";
import { type EntryParts, type ParsedEntry, packEntry } from "../entry.ts";

export interface ResolvedCompression {
  readonly thresholdBytes: number;
  readonly algorithm: "deflate" | "brotli";
}

/** Values to entry bytes and back, with the codec and the compression of one cache. */
export class Payloads {
  readonly codec: Codec;
  readonly #compression: ResolvedCompression | null;

  constructor(codec: Codec, compression: ResolvedCompression | null) {
    this.codec = codec;
    this.#compression = compression;
  }

  /** Throws `UnserializableValueError`. */
  pack(value: unknown, tags: readonly string[], costMs: number): EntryParts {
    const { bytes, hint } = this.codec.encode(value);
    let payload = bytes;
    let compressed = false;
    if (this.#compression !== null && bytes.length >= this.#compression.thresholdBytes) {
      const smaller = compressPayload(bytes, this.#compression.algorithm);
      if (smaller.length < bytes.length) {
        payload = smaller;
        compressed = true;
      }
    }
    return packEntry({ codecId: this.codec.id, hint, compressed, costMs, tags, payload });
  }

  /** Throws on bytes that the codec cannot have written. */
  unpack(entry: ParsedEntry): unknown {
    const payload = entry.compressed ? decompressPayload(entry.payload) : entry.payload;
    return this.codec.decode(payload, entry.hint);
  }

  /** A copy of a value, as a reader would get it. */
  copy(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const { bytes, hint } = this.codec.encode(value);
    return this.codec.decode(bytes, hint);
  }
}
