import type { Clock } from "../clock.ts";
import type { MemoryDatabase } from "../memory-database.ts";
import { hashCommands } from "./memory-database/hash-commands.ts";
import { keyCommands } from "./memory-database/key-commands.ts";
import { Keyspace } from "./memory-database/keyspace.ts";
import { setCommands } from "./memory-database/set-commands.ts";
import { sortedSetCommands } from "./memory-database/sorted-set-commands.ts";
import { streamCommands } from "./memory-database/stream-commands.ts";
import { stringCommands } from "./memory-database/string-commands.ts";

export { ABOVE_EVERY_CHARACTER } from "./utf8-order.ts";

export interface MemoryDatabaseOptions {
  readonly clock: Clock;
  /** Server time in ms since the epoch. @default the clock's wall time */
  readonly now?: (() => number) | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /**
   * Told of every message while the operation that sends it runs; delivers it after that. Returns the number of
   * receivers, nothing for none.
   */
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing is welcome.
  readonly onPublish: (channel: string, message: Buffer) => number | void;
  /** Told of every append to a stream while the operation runs. */
  readonly onAppend?: ((stream: string) => void) | undefined;
}

/** The database of a memory store: the commands, and what the store needs to keep house. */
export interface EmbeddedDatabase extends MemoryDatabase {
  /** Runs the step with the time standing still, as for a script in Redis: no key expires in the middle. */
  atomic<T>(step: () => T): T;
  /** Removes up to `limit` keys that have expired, O(log n) each. Returns how many. */
  sweepExpired(limit: number): number;
  /** Keys in memory, expired ones that were not swept yet among them. */
  readonly keyCount: number;
  /** Estimated bytes of all keys and values. */
  readonly byteEstimate: number;
  /**
   * Pages of the live keys with a literal prefix. A page visits up to `pageSize` keys and may be empty; the database
   * may change between pages. A key that was there throughout is seen.
   */
  keysWithPrefix(prefix: string, pageSize: number): Iterable<string[]>;
  /** Removes everything. */
  clear(): void;
}

/**
 * The subset of Redis 7 in memory that the interface lists.
 *
 * Names (keys, members, fields, channels) must be well-formed text, as the cache checks at its boundary: as UTF-8 all
 * lone surrogates are the same. Buffers are taken over and handed out, not copied: nobody writes to one after giving
 * or getting it.
 */
export function createMemoryDatabase(options: MemoryDatabaseOptions): EmbeddedDatabase {
  const { clock, random, onPublish } = options;
  const keyspace = new Keyspace(options.now ?? (() => clock.wall()));
  return {
    ...keyCommands(keyspace),
    ...stringCommands(keyspace),
    ...setCommands(keyspace, random),
    ...sortedSetCommands(keyspace),
    ...hashCommands(keyspace),
    ...streamCommands(keyspace, options.onAppend ?? (() => {})),
    publish: (channel, message) => onPublish(channel, message) ?? 0,

    atomic: (step) => keyspace.atomic(step),
    sweepExpired: (limit) => keyspace.sweepExpired(limit),
    get keyCount() {
      return keyspace.size;
    },
    get byteEstimate() {
      return keyspace.bytes;
    },
    keysWithPrefix: (prefix, pageSize) => keyspace.pages(prefix, pageSize),
    clear: () => keyspace.clear(),
  };
}
