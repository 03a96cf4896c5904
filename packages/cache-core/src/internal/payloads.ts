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
    const encoded = this.codec.encode(value);
    let payload: string | Buffer = encoded.text ?? encoded.bytes;
    let compressed = false;
    if (this.#compression !== null && Buffer.byteLength(payload) >= this.#compression.thresholdBytes) {
      const whole = encoded.bytes;
      const smaller = compressPayload(whole, this.#compression.algorithm);
      if (smaller.length < whole.length) {
        payload = smaller;
        compressed = true;
      }
    }
    const { hint } = encoded;
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
