import { type Cache, type CacheOptions, createCache, type Store } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, type CacheWarmerOptions, createCacheWarmer } from "../../src/index.ts";

/** One test's view: caches and warmers on one namespace, as many instances would have them. */
export interface WarmerTest {
  readonly store: Store;
  readonly cache: Cache;
  readonly warmer: CacheWarmer;
  /** A further instance on the namespace of the test. */
  instance(
    options?: CacheWarmerOptions,
    cacheOptions?: Partial<CacheOptions>,
  ): { cache: Cache; warmer: CacheWarmer };
}

export type Chapter = (test: (title: string, body: (t: WarmerTest) => Promise<void>) => void) => void;

let namespaces = 0;

/** Runs chapters on a store. The server may be the same each time: each test has a namespace of its own. */
export function describeOn(
  name: string,
  makeStore: () => Promise<Store> | Store,
  chapters: Readonly<Record<string, Chapter>>,
): void {
  describe(name, () => {
    let current: WarmerTest;
    let made: { cache: Cache; warmer: CacheWarmer }[];
    let release: () => Promise<void>;

    beforeEach(async () => {
      const store = await makeStore();
      release = store.retain();
      await store.ready();
      made = [];
      const namespace = `warm-${process.pid}-${++namespaces}`;
      const instance: WarmerTest["instance"] = (options, cacheOptions) => {
        const cache = createCache({ store, namespace, ...cacheOptions });
        const warmer = createCacheWarmer(cache, { retryDelay: "5ms", ...options });
        made.push({ cache, warmer });
        return { cache, warmer };
      };
      current = { store, instance, ...instance() };
    });

    afterEach(async () => {
      for (const { warmer } of made) await warmer.close();
      for (const { cache } of made) await cache.close();
      await release();
    });

    for (const [chapter, body] of Object.entries(chapters)) {
      describe(chapter, () => body((title, run) => it(title, () => run(current))));
    }
  });
}

export { expect };

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise and its ends. */
export function deferred<T = void>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((onValue) => {
    resolve = onValue;
  });
  return { promise, resolve };
}
