import { type Cache, createCache, type Store } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createLocks,
  type LockActions,
  type Locks,
  type LocksOptions,
  lockActions,
} from "../../src/index.ts";

/** One test's view: locks on one namespace of its own, as many processes would have them. */
export interface LockTest {
  readonly cache: Cache & LockActions;
  readonly store: Store;
  /** Further locks on the namespace of the test. They behave like another process. */
  locks(options?: LocksOptions): Locks;
}

let namespaces = 0;

/** Runs chapters on a store. The server may be the same each time: each test has a namespace of its own. */
export function describeOn(
  name: string,
  makeStore: () => Promise<Store> | Store,
  chapters: Readonly<
    Record<string, (test: (title: string, body: (t: LockTest) => Promise<void>) => void) => void>
  >,
): void {
  describe(name, () => {
    let current: LockTest;
    let made: Locks[];
    let cache: Cache & LockActions;

    beforeEach(async () => {
      const store = await makeStore();
      await store.ready();
      made = [];
      cache = createCache({ store, namespace: `lock-${process.pid}-${++namespaces}` }).extend(lockActions());
      current = {
        cache,
        store,
        locks(options) {
          const locks = createLocks(cache, options);
          made.push(locks);
          return locks;
        },
      };
    });

    afterEach(async () => {
      for (const locks of made) await locks.close();
      await cache.close();
    });

    for (const [chapter, body] of Object.entries(chapters)) {
      describe(chapter, () => body((title, run) => it(title, () => run(current))));
    }
  });
}

export { expect };

/** Resolves after so many ms. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A promise and its ends. */
export function deferred<T = void>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
} {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((onValue) => {
    resolve = onValue;
  });
  return { promise, resolve };
}

/** Resolves when the signal has aborted, to the monotonic time at which it did. */
export function aborted(signal: AbortSignal): Promise<number> {
  if (signal.aborted) return Promise.resolve(performance.now());
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(performance.now()), { once: true });
  });
}
