import { createCache, sessionActions } from "@crm/cache-core";
import { createCacheInvalidator, InvalidationEvent } from "@crm/cache-invalidator";
import { createLocks, lockActions } from "@crm/cache-lock";
import { rateLimitActions } from "@crm/cache-ratelimit";
import { createCacheWarmer, type StartupOptions, type WarmingMetrics } from "@crm/cache-warmer";
import { rules } from "./rules.ts";
import { cacheSettings } from "./settings.ts";
import { store } from "./store.ts";
import { registerWarmingTasks } from "./warming-tasks.ts";

const { logger, invalidation = "rules" } = cacheSettings();

/** The composition root: everything of the CRM that is cached, invalidated, counted or locked goes through what is made here. */
export const cache = createCache({ store, namespace: "crm", logger })
  .extend(sessionActions())
  .extend(rateLimitActions())
  .extend(lockActions());

/** The same object under the name that the services of the CRM know. */
export const cacheManager = cache;

/** The same locks as `cache.acquireLock`, as handles with a fence. */
export const locks = createLocks(cache);

export const cacheInvalidator = createCacheInvalidator(cache, {
  rules,
  dependencies: invalidation === "rules" ? "together" : "only",
});

export const { invalidateOnCreate, invalidateOnUpdate, invalidateOnDelete } = cacheInvalidator;

export { InvalidationEvent };

/** Fills the cache before somebody asks; what is read most is refreshed before it expires. */
export const cacheWarmer = createCacheWarmer(cache, { hotKeys: true });

/**
 * Registers the tasks of this app and loads them, the important ones first; `cacheWarmer.readiness()` opens when those have
 * ended. The queries need a database, so it is called when there is one, and not while this module is imported.
 */
export function performStartupWarming(options?: StartupOptions): Promise<WarmingMetrics> {
  registerWarmingTasks(cacheWarmer);
  return cacheWarmer.performStartupWarming(options);
}

/** Ends what the parts do in the background, then the cache and the connections that it opened. */
export async function closeCache(): Promise<void> {
  await cacheWarmer.close();
  await cacheInvalidator.close();
  await locks.close();
  await cache.close();
}
