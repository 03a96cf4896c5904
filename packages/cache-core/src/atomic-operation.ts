import type { MemoryDatabase } from "./memory-database.ts";

/** An argument of an atomic operation. Numbers are sent as decimal text. */
export type AtomicArgument = string | number | Buffer;

/** What a store returns for an atomic operation: Redis replies, with bulk strings as `Buffer`. */
export type AtomicReply = null | number | Buffer | readonly AtomicReply[];

/**
 * One indivisible step on the store, written twice: in Lua for Redis and in TypeScript for the memory store.
 * The two must give the same reply and leave the same state for the same history; `test/twins.test.ts` runs both
 * on random histories and compares.
 *
 * Every key that the operation touches lies in one Cluster slot: `keys[0]` carries the hash tag, and key names that
 * the script builds itself start with a prefix that carries the same one.
 */
export interface AtomicOperation {
  /** Stable name, in errors and in metrics. */
  readonly name: string;
  /** The Lua source. Its header states KEYS, ARGV, replies, what makes it atomic, and its complexity. */
  readonly lua: string;
  /** The same step on the memory store. Synchronous, therefore atomic. */
  run(database: MemoryDatabase, keys: readonly string[], args: readonly AtomicArgument[]): AtomicReply;
}
