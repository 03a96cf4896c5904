import type { Cache } from "./cache.ts";
import { checkNamespace } from "./check-key.ts";
import { checkOptionNames, type OptionNames } from "./check-options.ts";
import { systemClock } from "./clock.ts";
import { InvalidOptionError } from "./errors.ts";
import { CacheCore } from "./internal/cache-core.ts";
import { createShared } from "./internal/shared.ts";
import type { CacheOptions } from "./options.ts";

const CACHE_OPTIONS: OptionNames<CacheOptions> = {
  ...{ store: true, namespace: true, memory: true, codec: true, compression: true, defaults: true },
  ...{ leaseTtl: true, logger: true, clock: true, random: true },
};

/**
 * Makes a cache over a store.
 *
 * ```ts
 * const cache = createCache({ store: memoryStore(), namespace: "crm" });
 * const company = await cache.getOrSet(`companies:${id}`, () => findCompany(id), { ttl: "5m", tags: ["companies"] });
 * ```
 * Several caches may share a store; it is closed with the last of them. Throws `InvalidOptionError`.
 */
export function createCache(options: CacheOptions): Cache {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError({
      option: "options",
      received: options,
      expected: "an object with a `store`",
    });
  }
  checkOptionNames(options, CACHE_OPTIONS, "");
  const { store } = options;
  if (typeof store !== "object" || store === null || store.specVersion !== 1) {
    throw new InvalidOptionError({
      option: "store",
      received: store,
      expected: "a store of version 1, such as `memoryStore()` or `redisStore({ url })`",
    });
  }
  const namespace = checkNamespace(options.namespace ?? "cache");
  return new CacheCore(createShared(options, namespace, options.clock ?? systemClock), "");
}
