import {
  type Cache,
  checkKey,
  checkOptionNames,
  type Duration,
  InvalidOptionError,
  type OptionNames,
} from "@crm/cache-core";
import { type CompiledPlan, compileHits } from "./internal/compiled-plan.ts";
import { Engine, type Target } from "./internal/engine.ts";
import { LruMap } from "./internal/lru-map.ts";
import { checkLimit, isObject, parseWindow, resolveRules } from "./internal/resolve-rules.ts";
import type { RateLimitRule } from "./rules.ts";
import { lookAtHits, readLook } from "./scripts/count-hits.ts";

/** The answer of `checkRateLimit`. */
export interface RateLimitCheck {
  readonly allowed: boolean;
  /** Hits that are left in the window. */
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly resetIn: number;
}

/** The answer of `getRateLimitInfo`. */
export interface RateLimitInfo {
  /** Hits in the window, also those beyond `limit`. */
  readonly count: number;
  readonly remaining: number;
  /** Seconds until the window ends; 0 when there is none. */
  readonly resetIn: number;
}

/** What `cache.extend(rateLimitActions())` adds. */
export interface RateLimitActions {
  /**
   * Counts a hit of the key, unless `limit` hits were counted in the running window: then it counts nothing and refuses.
   * A window begins with its first hit. `limit` may change from call to call; another `window` holds from the next
   * window on.
   */
  checkRateLimit(key: string, limit: number, window: Duration): Promise<RateLimitCheck>;
  /** Where the key stands. Counts nothing. */
  getRateLimitInfo(key: string, limit: number): Promise<RateLimitInfo>;
  /** Forgets the hits of the key. Rejects when the store does not answer. */
  resetRateLimit(key: string): Promise<void>;
}

/** How the actions decide while the store does not answer. */
export interface RateLimitActionsOptions extends Pick<RateLimitRule, "whenUnavailable" | "localShare"> {}

const OPTIONS: OptionNames<RateLimitActionsOptions> = { whenUnavailable: true, localShare: true };

/**
 * Adds `checkRateLimit`, `getRateLimitInfo` and `resetRateLimit` to a cache. In a scope, keys are the scope's own.
 *
 * @throws InvalidOptionError when an option is wrong; the calls reject with it, `InvalidKeyError` or `InvalidDurationError`
 */
export function rateLimitActions(options: RateLimitActionsOptions = {}): (cache: Cache) => RateLimitActions {
  if (!isObject(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  checkOptionNames(options, OPTIONS);
  const { whenUnavailable, localShare } = options;
  // Checked here, so that a mistake shows at start. No limiter of a caller's can have this name.
  const [rule] = resolveRules({ hits: { limit: 1, window: 1, whenUnavailable, localShare } }, "");
  const base = { ...(rule as NonNullable<typeof rule>), part: "-" };
  return (cache) => {
    const { keys, prefix } = cache.internals;
    const engine = new Engine(cache, { maxEntries: 10_000, maxAgeMs: 5_000 });
    const plans = new LruMap<string, CompiledPlan>(1_000);

    let latest: CompiledPlan | undefined;

    function planOf(limit: number, windowMs: number): CompiledPlan {
      // Most callers ask with the same numbers all the time.
      if (latest?.limits[0] === limit && latest.rules[0]?.windowMs === windowMs) return latest;
      const name = `${limit} ${windowMs}`;
      let plan = plans.get(name);
      if (plan === undefined) {
        plan = compileHits({ ...base, windowMs }, limit);
        plans.set(name, plan);
      }
      latest = plan;
      return plan;
    }

    function targetOf(key: string): Target {
      const subject = prefix + checkKey(key);
      return { bucket: keys.bucketOf(subject), subjects: [subject], id: subject };
    }

    return {
      checkRateLimit(key, limit, window) {
        try {
          const target = targetOf(key);
          checkLimit("limit", limit);
          return engine.check(planOf(limit, parseWindow("window", window)), 1, target, toCheck);
        } catch (error) {
          return Promise.reject(error);
        }
      },

      async getRateLimitInfo(key, limit) {
        const target = targetOf(key);
        checkLimit("limit", limit);
        try {
          const name = `${engine.prefixOf(target.bucket)}${base.part}:${target.id}`;
          const reply = await cache.internals.store.run(lookAtHits, [name], []);
          const [count, leftMs] = readLook(reply);
          return { count, remaining: Math.max(0, limit - count), resetIn: leftMs / 1_000 };
        } catch (error) {
          const alone = engine.decideAlone(error, planOf(limit, 1), 0, target);
          if (alone === null) throw error;
          return { count: limit - alone.remaining, remaining: alone.remaining, resetIn: alone.resetIn };
        }
      },

      async resetRateLimit(key) {
        await engine.adjust("reset", 0, planOf(1, 1), targetOf(key), "");
      },
    };
  };
}

function toCheck({ allowed, remaining, resetIn }: RateLimitCheck): RateLimitCheck {
  return { allowed, remaining, resetIn };
}
