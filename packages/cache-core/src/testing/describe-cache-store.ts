import type { Cache } from "../cache.ts";
import { createCache } from "../create-cache.ts";
import { codecs } from "./contract/codecs.ts";
import { durable } from "./contract/durable.ts";
import { filling } from "./contract/filling.ts";
import { hand } from "./contract/hand-leases.ts";
import { invalidating } from "./contract/invalidating.ts";
import { many } from "./contract/many.ts";
import { messages } from "./contract/messages.ts";
import { observing } from "./contract/observing.ts";
import { races } from "./contract/races.ts";
import { scopes } from "./contract/scopes.ts";
import { sessions } from "./contract/sessions.ts";
import type {
  ContractRunner,
  ContractSettings,
  ContractStore,
  ContractTest,
  TestFunction,
} from "./contract/suite.ts";
import { timing } from "./contract/timing.ts";
import { together } from "./contract/together.ts";
import { values } from "./contract/values.ts";

export type {
  ContractExpectation,
  ContractRunner,
  ContractSettings,
  ContractStore,
} from "./contract/suite.ts";

const CHAPTERS = {
  values,
  timing,
  filling,
  many,
  hand,
  invalidating,
  together,
  races,
  scopes,
  messages,
  durable,
  sessions,
  codecs,
};

/**
 * The contract of a store: what a cache on it must do, in the words of this package. Every store of the toolkit passes
 * it unchanged, without and with the in-process tier in front. Run it on a store of your own:
 *
 * ```ts
 * import { afterEach, beforeEach, describe, expect, it } from "vitest";
 *
 * describeCacheStore("my store", async () => ({ store: myStore() }), { describe, it, expect, beforeEach, afterEach });
 * ```
 *
 * @param makeStore called before each test. It may return the same server every time: each test has a namespace of its
 *   own, which is cleared at its end. The store itself is closed with the last cache of the test.
 */
export function describeCacheStore(
  name: string,
  makeStore: () => Promise<ContractStore> | ContractStore,
  runner: ContractRunner,
  settings: Partial<ContractSettings> = {},
): void {
  runner.describe(name, () => {
    for (const memory of [false, true]) {
      runner.describe(memory ? "with the in-process tier" : "store only", () => {
        const test = testsOn(makeStore, memory, { scopeNames: 10_000, ...settings }, runner);
        for (const [chapter, body] of Object.entries({ ...CHAPTERS, observing })) {
          runner.describe(chapter, () => body(runner, test));
        }
      });
    }
  });
}

let namespaces = 0;

function testsOn(
  makeStore: () => Promise<ContractStore> | ContractStore,
  memory: boolean,
  settings: ContractSettings,
  runner: ContractRunner,
): TestFunction {
  const { it, beforeEach, afterEach, expect } = runner;
  let made: ContractStore;
  let current: ContractTest;
  let caches: Cache[];
  let release: () => Promise<void>;

  beforeEach(async () => {
    made = await makeStore();
    caches = [];
    release = made.store.retain();
    const { store, clock } = made;
    const namespace = `contract-${process.pid}-${++namespaces}`;
    const advance = (ms: number): Promise<void> => (made.advance ?? sleep)(ms);
    await store.ready();
    current = {
      store,
      namespace,
      memory,
      settings,
      cache(options) {
        const cache = createCache({ store, namespace, memory, clock, ...options });
        caches.push(cache);
        return cache;
      },
      advance,
      async pass(cache, key, ms) {
        await advance(ms);
        await current.until(async () => !(await cache.exists(key)), `the end of the freshness of ${key}`);
      },
      async until(predicate, what) {
        const giveUpAt = performance.now() + 5_000;
        while (!(await predicate())) {
          if (performance.now() > giveUpAt) throw new Error(`Not within 5 s: ${what}`);
          await advance(2);
        }
      },
    };
  });

  afterEach(async () => {
    for (const namespace of new Set(caches.map((cache) => cache.namespace))) {
      const last = createCache({ store: made.store, namespace, clock: made.clock });
      await last.clear();
      await last.close();
    }
    for (const cache of caches) {
      const { pendingInvalidations, hits, misses, hitRate } = await cache.getStats();
      expect(pendingInvalidations, "invalidations left pending").toBe(0);
      expect(hitRate).toBe(hits + misses === 0 ? 0 : hits / (hits + misses));
      await cache.close();
    }
    await release();
    await made.cleanup?.();
  });

  return (title, body) => it(title, () => body(current));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
