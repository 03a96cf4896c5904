import { type Cache, createCache } from "@crm/cache-core";
import { createRateLimiter, type RateLimiter } from "../../create-rate-limiter.ts";
import type { Algorithm, RateLimitRule } from "../../rules.ts";
import type { RateLimiterContractRunner, RateLimiterContractStore } from "../describe-rate-limiter.ts";
import { inspect } from "./stored-keys.ts";

export const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
let namespaces = 0;

/** What the chapters of the contract share: the runner, and the store and cache of the test that is running. */
export interface ContractHarness extends Pick<RateLimiterContractRunner, "describe" | "it" | "expect"> {
  readonly made: RateLimiterContractStore;
  readonly cache: Cache;
  advance(ms: number): Promise<void>;
  /** A limiter that asks the store every time. */
  limiterOf<N extends string>(
    rules: Readonly<Record<N, RateLimitRule>>,
    limiterName?: string,
    on?: Cache,
  ): RateLimiter<N>;
  /** Every key of the namespace with its bytes and its time left. */
  keysOf(): Promise<Map<string, { bytes: string; ttl: number }>>;
}

/** Makes a store, and a cache with a namespace of its own, before each test. */
export function makeHarness(
  makeStore: () => Promise<RateLimiterContractStore> | RateLimiterContractStore,
  { describe, it, expect, beforeEach, afterEach }: RateLimiterContractRunner,
): ContractHarness {
  let made: RateLimiterContractStore;
  let cache: Cache;

  beforeEach(async () => {
    made = await makeStore();
    const { store, clock } = made;
    cache = createCache({ store, clock, namespace: `limits-${process.pid}-${++namespaces}` });
    await cache.ready();
  });
  afterEach(() => cache.close());

  return {
    describe,
    it,
    expect,
    get made() {
      return made;
    },
    get cache() {
      return cache;
    },
    advance: (ms) => (made.advance ?? sleep)(ms),
    limiterOf: (rules, name, on) => createRateLimiter(on ?? cache, rules, { name, denyCache: false }),
    async keysOf() {
      const found = new Map<string, { bytes: string; ttl: number }>();
      for await (const page of made.store.scan(`${cache.internals.keys.base}q`)) {
        for (const key of page) {
          const [bytes, ttl] = (await made.store.run(inspect, [key], [])) as [Buffer | null, number];
          if (ttl !== -2) found.set(key, { bytes: bytes?.toString("hex") ?? "", ttl });
        }
      }
      return found;
    },
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
