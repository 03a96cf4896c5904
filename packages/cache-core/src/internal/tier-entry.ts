import type { SharedValue } from "./share-value.ts";

/** What an entry is made from. */
export interface TierEntryFields {
  readonly key: string;
  readonly shared: SharedValue;
  readonly tags: readonly string[];
  /** Monotonic ms. */
  readonly freshUntil: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
  /** Wall ms, of the server that stored it. */
  readonly createdAt: number;
}

/** The entry itself, its promise, its places in the map and in the order of keys; measured on Node 24. */
const ENTRY_BYTES = 500;
/** A tag with one entry: its set, and its place in the index. */
const TAG_BYTES = 280;

/** One entry of the in-process tier. */
export class TierEntry {
  readonly key: string;
  /** The value, when callers may share it; else `undefined`. */
  readonly value: unknown;
  /** Resolved with `value`, to be returned without an allocation; `null` when callers cannot share the value. */
  readonly promise: Promise<unknown> | null;
  /** Whether each caller gets a copy, from `read`. */
  readonly copyOnRead: boolean;
  readonly tags: readonly string[];
  /** Monotonic ms. */
  readonly freshUntil: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
  /** Wall ms, of the server that stored it. */
  readonly createdAt: number;
  /** Estimated memory that the entry takes. */
  readonly bytes: number;
  readonly #shared: SharedValue;
  /** Belongs to the tier: hit since the hand last came by. */
  visited = false;
  /** Hits since they were last told; see `MemoryTier.tellServed`. */
  served = 0;
  /** Belongs to the tier. */
  newer: TierEntry | null = null;
  /** Belongs to the tier. */
  older: TierEntry | null = null;

  constructor(fields: TierEntryFields) {
    const { shared } = fields;
    this.#shared = shared;
    this.key = fields.key;
    this.copyOnRead = shared.copyOnRead;
    this.value = shared.copyOnRead ? undefined : shared.share();
    this.promise = shared.copyOnRead ? null : Promise.resolve(this.value);
    this.tags = fields.tags;
    this.freshUntil = fields.freshUntil;
    this.expiresAt = fields.expiresAt;
    this.createdAt = fields.createdAt;
    this.bytes = estimateBytes(fields);
  }

  /** The value for one caller. */
  read(): unknown {
    return this.copyOnRead ? this.#shared.share() : this.value;
  }
}

function estimateBytes({ key, tags, shared }: TierEntryFields): number {
  let bytes = ENTRY_BYTES + 2 * key.length + shared.bytes;
  for (const tag of tags) bytes += TAG_BYTES + 2 * tag.length;
  return bytes;
}
