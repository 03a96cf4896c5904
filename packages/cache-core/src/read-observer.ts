import type { Cache } from "./cache.ts";
import type { Duration } from "./duration.ts";
import type { Fetcher } from "./fetcher.ts";
import type { GetOrSetOptions } from "./options.ts";

/**
 * Told of every read of one key, before it is answered, wherever the answer comes from. Runs in the reader's turn: it must
 * be quick and must not throw.
 *
 * @param cache the cache or scope that was asked
 * @param fetcher what the reader would fill the key with; `undefined` when it only looks
 * @param prefix the scope's part of the name: `prefix + key` is the full one
 */
export type ReadObserver = (
  cache: Cache,
  key: string,
  fetcher: Fetcher<unknown> | undefined,
  options: Duration | GetOrSetOptions<unknown> | undefined,
  prefix: string,
) => void;
