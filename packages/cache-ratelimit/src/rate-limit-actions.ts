import {
  type Cache,
  checkKey,
  checkOptionNames,
  type Duration,
  InvalidOptionError,
  type OptionNames,
} from "@crm/cache-core";
import { type CompiledPlan, compilePlan } from "./internal/compiled-plan.ts";
import { Engine, type Target } from "./internal/engine.ts";
import { LruMap } from "./internal/lru-map.ts";
import { checkLimit, isObject, parseWindow, resolveRules } from "./internal/resolve-rules.ts";
import type { RateLimitRule } from "./rules.ts";

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

/** A limit that nothing reaches: what is left of it tells what was counted. */
const MOST = 2 ** 50;

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
    // A look at no cost needs no window: what is stored carries its own.
    const counting = compilePlan([{ ...base, limit: MOST, windowMs: 1 }], [MOST], []);

    let latest: CompiledPlan | undefined;

    function planOf(limit: number, windowMs: number): CompiledPlan {
      // Most callers ask with the same numbers all the time.
      if (latest?.limits[0] === limit && latest.rules[0]?.windowMs === windowMs) return latest;
      const name = `${limit} ${windowMs}`;
      let plan = plans.get(name);
      if (plan === undefined) {
        plan = compilePlan([{ ...base, limit, windowMs }], [limit], []);
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
          const { remaining, resetIn } = await engine.ask(counting, 0, target);
          const count = MOST - remaining;
          return { count, remaining: Math.max(0, limit - count), resetIn };
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
