import type { Codec, EncodedValue } from "../codec.ts";
import { compressPayload, decompressPayload } from "../compression.ts";
import { type EntryParts, type ParsedEntry, packEntry } from "../entry.ts";
import { UnserializableValueError } from "../errors.ts";

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

  /** The entry of a key. @throws UnserializableValueError */
  pack(key: string, value: unknown, tags: readonly string[], costMs: number): EntryParts {
    const encoded = this.#encode(key, value);
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

  #encode(key: string, value: unknown): EncodedValue {
    try {
      return this.codec.encode(value);
    } catch (error) {
      if (!UnserializableValueError.isInstance(error)) throw error;
      const { path, kind, what, cause } = error;
      throw new UnserializableValueError({ path, kind, what, key, cause });
    }
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
