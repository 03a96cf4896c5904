import type { CacheInternals } from "../cache.ts";
import { checkKeys } from "../check-key.ts";
import { CacheClosedError, InvalidFetcherError } from "../errors.ts";
import type { BatchFetcher, Fetcher } from "../fetcher.ts";
import type { GetOrSetOptions } from "../options.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import { applyInvalidation } from "./apply-invalidation.ts";
import { countReads } from "./count-reads.ts";
import { invalidateTogether, listCovered } from "./invalidate-together.ts";
import { refill, refillMany, timesOf } from "./refill.ts";
import type { Shared } from "./shared.ts";

/** Options of a `getOrSet` with the cache's defaults, and tags with the scope's prefix. */
type Resolve = (options: GetOrSetOptions<unknown>) => {
  readonly entry: ResolvedEntryOptions;
  readonly tags: readonly string[];
};

/** What the other packages build on, of a cache or of a scope of one. */
export function makeInternals(shared: Shared, prefix: string, resolve: Resolve): CacheInternals {
  const { store, keys, clock, random, logger, payloads, emitter, access } = shared;

  function assertOpen(): void {
    if (shared.isClosed()) throw new CacheClosedError();
  }

  function prepareRefill(names: readonly string[], fetcher: unknown, given: unknown) {
    checkKeys(names);
    assertOpen();
    if (typeof fetcher !== "function") throw new InvalidFetcherError({ received: fetcher });
    const { entry: options, tags } = resolve(given as GetOrSetOptions<unknown>);
    return { fulls: names.map((name) => prefix + name), options, tags, scopePrefix: prefix };
  }

  return {
    ...{ store, keys, clock, random, logger, codec: payloads.codec, prefix, emitter },
    instance: access.processId,
    invalidate: (request) =>
      invalidateTogether(prefix, request, async (coverage, names) => {
        assertOpen();
        return applyInvalidation(shared, coverage, names, request.outcome);
      }),
    list: (request) => listCovered(access, prefix, request),
    appendRecord: (record) => access.bus.appendRecord(record),
    keepHistory: (messages, ageMs) => access.bus.keepHistory(messages, ageMs),
    refill: async (request) => {
      const { key, newerThan, signal } = request;
      const fetcher = request.fetcher as Fetcher<unknown>;
      const resolved = prepareRefill([key], fetcher, request.options);
      return refill(shared, { ...resolved, key, full: prefix + key, newerThan, signal, fetcher });
    },
    refillMany: async (request) => {
      const fetcher = request.fetcher as BatchFetcher<unknown>;
      const resolved = prepareRefill(request.keys, fetcher, request.options);
      const newerThan = request.keys.map(() => request.newerThan);
      return refillMany(shared, { ...resolved, keys: request.keys, fetcher, newerThan });
    },
    times: async (names) => {
      assertOpen();
      return timesOf(
        shared,
        names.map((name) => prefix + name),
      );
    },
    observeReads: (observer) => emitter.observe(observer),
    countReads: (sink) => countReads(shared, sink),
  };
}
