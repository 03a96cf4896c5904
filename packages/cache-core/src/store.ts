import type { AtomicArgument, AtomicOperation, AtomicReply } from "./atomic-operation.ts";

/**
 * What cache-core and its satellites need of a backend. Implement it, never subclass; `describeCacheStore` in
 * `@crm/cache-core/testing` is the authoritative contract.
 *
 * Rules for every implementation:
 * - No call hangs: each settles within the deadline that the store was made with, or the one given in the call.
 *   A backend that cannot answer rejects with `StoreUnavailableError`; nothing is queued while it is away.
 * - `get`, `getMany` and `run` are linearizable with one another, across processes.
 * - Keys given here are physical names. Names with the same `{hash tag}` live together; others may not.
 */
export interface Store {
  /** Version of this interface. Refused with a clear error when it is not 1. */
  readonly specVersion: 1;
  /** Where the data lives. */
  readonly topology: "memory" | "standalone" | "sentinel" | "cluster";
  /**
   * How many slot groups a namespace is split over: 1 unless the backend shards. Every atomic operation works inside
   * one group; an operation on the namespace visits each.
   */
  readonly buckets: number;
  /** Starts connecting, if that is needed. Settles when the store answers or its deadline has passed; never rejects. */
  ready(): Promise<void>;
  /** The bytes under a key; `null` when there are none or the key holds another type (`onForeign` is then told). */
  get(key: string): Promise<Buffer | null>;
  /** As `get` for many keys, in order, in one round trip a node. */
  getMany(keys: readonly string[]): Promise<(Buffer | null)[]>;
  /** Runs one atomic operation. */
  run(
    operation: AtomicOperation,
    keys: readonly string[],
    args: readonly AtomicArgument[],
    options?: RunOptions,
  ): Promise<AtomicReply>;
  /**
   * Runs one atomic operation, then waits until so many replicas have acknowledged it and everything before it, or the
   * timeout has passed. The operation is done either way: the caller decides what too few acknowledgements mean. Other
   * calls of the store do not wait behind it. A store without replicas acknowledges with 0 at once.
   */
  runDurably(
    operation: AtomicOperation,
    keys: readonly string[],
    args: readonly AtomicArgument[],
    durability: Durability,
  ): Promise<DurableReply>;
  /** The clock of the server that owns the key, in ms since the epoch, estimated without a call. */
  serverNow(key: string): number;
  /**
   * The server time, in ms, at which a patient call about this key that is sent now is given up: an operation that is
   * told so, and refuses to act later, cannot act behind the back of a caller who was told that it failed. `null` where
   * no call is ever given up. Never later than what the server's clock shows then; `run` with the same `until` does not
   * fail before it.
   *
   * Asks the server when its clock is not known well enough, or `fresh` is true; rejects with `StoreUnavailableError`
   * when that is not answered.
   */
  giveUpAt(key: string, fresh?: boolean): Promise<number | null>;
  /** Sends a message to every subscriber of the channel in every process. At most once. */
  publish(channel: string, message: string): Promise<number>;
  /**
   * Listens on a channel over the one shared connection of this store. Resolves when the subscription stands. A
   * connection that is lost, also without a word, is noticed and replaced; since messages are sent at most once,
   * what was sent meanwhile is gone: `onGap` is then called, once the new subscription stands. A store that cannot
   * miss messages never calls it.
   */
  subscribe(
    channel: string,
    handler: (message: string) => void,
    onGap?: (() => void) | undefined,
  ): Promise<() => Promise<void>>;
  /** Follows a stream from now on. All who follow one over this store may share a reader. */
  follow(stream: string, handlers: FollowHandlers, options: FollowOptions): Follower;
  /** Pages through the keys with a literal prefix, on every node. Maintenance only: its cost follows the whole server. */
  scan(prefix: string): AsyncIterable<string[]>;
  /** Figures of the server behind the namespace. */
  info(): Promise<StoreInfo>;
  /** Whether the backend answers, as far as this process knows; no call is made. */
  readonly available: boolean;
  /** Calls back whenever `available` changes. Returns the function that ends it. */
  onAvailability(handler: (available: boolean) => void): () => void;
  /** Calls back with things an operator should know: foreign types, eviction policy, failed connections. */
  onWarning(handler: (warning: StoreWarning) => void): () => void;
  /** Notes a user of the store. When every user has called the function returned, the store closes. */
  retain(): () => Promise<void>;
  /** Ends timers, and connections that the store opened itself, whoever uses them. Idempotent. */
  close(): Promise<void>;
}

/** How long `Store.run` may take. */
export interface RunOptions {
  /** Milliseconds until the call rejects with `StoreUnavailableError`. @default the store's command deadline */
  readonly deadlineMs?: number | undefined;
  /** From `giveUpAt`: a call that may have been sent does not fail before the server's clock has passed this (ms). */
  readonly until?: number | null | undefined;
}

/** How much of a fail-over an operation must survive. */
export interface Durability {
  /** Replicas that must have it, at least 1. */
  readonly replicas: number;
  /** Milliseconds to wait for them, at least 1. */
  readonly timeoutMs: number;
}

/** The reply of an operation that waited for replicas. */
export interface DurableReply {
  readonly reply: AtomicReply;
  /** Replicas that have acknowledged; may be more than were asked for, or fewer. */
  readonly acknowledged: number;
}

/** An entry of a stream that is followed. */
export interface StreamMessage {
  /** `<milliseconds>-<sequence>` */
  readonly id: string;
  /** Its field `m`; `undefined` without one. */
  readonly message: string | undefined;
}

/** What a follower of a stream is told. */
export interface FollowHandlers {
  /** Entries in stream order, each exactly once as long as no gap is reported. */
  onEntries(entries: readonly StreamMessage[]): void;
  /** Entries may have been missed: the reader must forget everything it derived from the stream. */
  onGap(reason: string): void;
}

/** Options of `Store.follow`. */
export interface FollowOptions {
  /** How long the follower may go without proof that it has seen everything, in ms. */
  readonly maxSilenceMs: number;
}

/** A running reader of a stream. */
export interface Follower {
  /**
   * Monotonic time (ms, of the store's clock) until which everything appended is known to have been delivered or to
   * be less than `maxSilenceMs` old. In the past when the link is down.
   */
  readonly aliveUntil: number;
  /** Resolves when the first proof of life has arrived. */
  readonly started: Promise<void>;
  stop(): Promise<void>;
}

/** What a store tells of its server. */
export interface StoreInfo {
  readonly connected: boolean;
  /** Bytes used by the server (memory store: by the entries). */
  readonly usedMemoryBytes: number;
  readonly clients: number;
  /** Eviction policy, e.g. `noeviction`; `null` when the server does not tell. */
  readonly evictionPolicy: string | null;
  readonly maxMemoryBytes: number;
  readonly evictedKeys: number;
}

/** Something that a store met and that nobody's call fails of. */
export interface StoreWarning {
  readonly code: "FOREIGN_TYPE" | "EVICTION_POLICY" | "CONNECTION" | "SUBSCRIBER";
  readonly message: string;
  readonly key?: string | undefined;
  readonly cause?: unknown;
}
