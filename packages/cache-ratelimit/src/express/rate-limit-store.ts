import {
  type Cache,
  checkKey,
  checkOptionNames,
  InvalidOptionError,
  type OptionNames,
} from "@crm/cache-core";
import { countable } from "../http/countable.ts";
import { type CompiledPlan, compilePlan } from "../internal/compiled-plan.ts";
import { Engine, type Target } from "../internal/engine.ts";
import { isObject, parseWindow, resolveRules } from "../internal/resolve-rules.ts";

/** Options of the store for `express-rate-limit`. */
export interface RateLimitStoreOptions {
  /** Tells stores of one namespace apart. As the name of a limiter. @default "express" */
  name?: string | undefined;
}

/** Hits of a client, as express-rate-limit wants them. */
export interface RateLimitStoreInfo {
  totalHits: number;
  resetTime: Date | undefined;
}

/** A `Store` of express-rate-limit 7 and 8. */
export interface RateLimitStore {
  readonly prefix: string;
  readonly localKeys: false;
  init(options: { readonly windowMs: number }): void;
  get(key: string): Promise<RateLimitStoreInfo | undefined>;
  increment(key: string): Promise<RateLimitStoreInfo>;
  decrement(key: string): Promise<void>;
  resetKey(key: string): Promise<void>;
}

const OPTIONS: OptionNames<RateLimitStoreOptions> = { name: true };

/** Never reached: express-rate-limit compares by itself. */
const UNLIMITED = 2 ** 50;

/**
 * A store for `express-rate-limit`, on the cache's store: a fixed window from the first hit, by the server's clock, in
 * one round trip. When the store does not answer, its calls reject; `passOnStoreError` decides then. Only `decrement` never rejects: it is
 * called when the response is out, where version 7 catches nothing, and the process would end. What cannot be a key is counted by its
 * digest.
 *
 * ```ts
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store: rateLimitStore(cache) }));
 * ```
 * @throws InvalidOptionError
 */
export function rateLimitStore(cache: Cache, options: RateLimitStoreOptions = {}): RateLimitStore {
  if (!isObject(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  checkOptionNames(options, OPTIONS);
  const { name = "express" } = options;
  const { keys, prefix, logger } = cache.internals;
  const engine = new Engine(cache, null);
  let plan: CompiledPlan = planOf(60_000);

  function planOf(windowMs: number): CompiledPlan {
    parseWindow("windowMs", `${windowMs}ms`);
    const rules = resolveRules(
      { hits: { limit: UNLIMITED, window: `${windowMs}ms`, whenUnavailable: "open" } },
      name,
    );
    return compilePlan(rules, [UNLIMITED], []);
  }

  function targetOf(key: string): Target {
    const subject = prefix + checkKey(countable(key));
    return { bucket: keys.bucketOf(subject), subjects: [subject], id: subject };
  }

  function infoOf(result: { readonly remaining: number; readonly resetIn: number }): RateLimitStoreInfo {
    return {
      totalHits: UNLIMITED - result.remaining,
      resetTime: new Date(Date.now() + result.resetIn * 1000),
    };
  }

  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new InvalidOptionError({
      option: "name",
      received: name,
      expected: "1 to 64 characters of A-Z a-z 0-9 . _ -, the first a letter or digit",
    });
  }

  return {
    // By this, express-rate-limit tells what two stores count of one request from what one counts twice.
    prefix: `${cache.namespace}:${name}:${prefix}`,
    localKeys: false,
    init({ windowMs }) {
      plan = planOf(windowMs);
    },
    async get(key) {
      const result = await engine.ask(plan, 0, targetOf(key));
      return result.resetIn === 0 ? undefined : infoOf(result);
    },
    async increment(key) {
      return infoOf(await engine.ask(plan, 1, targetOf(key)));
    },
    async decrement(key) {
      try {
        await engine.adjust("give", 1, plan, targetOf(key), "");
      } catch (err) {
        logger.warn({ err }, "A hit could not be given back; it counts until its window ends");
      }
    },
    async resetKey(key) {
      await engine.adjust("reset", 0, plan, targetOf(key), "");
    },
  };
}
