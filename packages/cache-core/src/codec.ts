/** What a codec makes of a value. */
export interface EncodedValue {
  readonly bytes: Buffer;
  /** The same as text, where the codec has text anyway: it is sent with a copy less. */
  readonly text?: string | undefined;
  /** Four bits that the codec wants back in `decode` (0 to 15), for example "holds a Date". */
  readonly hint: number;
}

/**
 * Turns values into bytes and back, exactly: `decode(encode(v))` has the same values and types as `v`. What a codec
 * cannot carry it refuses with `UnserializableValueError` and the path of the culprit.
 */
export interface Codec {
  /** 0 JSON, 1 MessagePack, 8 to 15 free for your own. Stored with each entry; another id on read is a miss. */
  readonly id: number;
  readonly name: string;
  encode(value: unknown): EncodedValue;
  /** Throws on bytes that `encode` cannot have written; the entry is then a miss. */
  decode(bytes: Buffer, hint: number): unknown;
}
