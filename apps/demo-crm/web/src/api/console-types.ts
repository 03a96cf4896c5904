// What the routes of the console answer; some of them are not there in every version of the server.
import type { LockInfo } from "@crm/cache-lock";
import type { RateLimiterStats, RateLimitResult, ResolvedRule } from "@crm/cache-ratelimit";

/** `GET /api/cache/entries`. */
export interface EntryPage {
  readonly items: readonly CacheEntry[];
  readonly total: number;
  /** The cursor of the next page; `null` on the last one. */
  readonly next: string | null;
}

export interface CacheEntry {
  readonly key: string;
  readonly state: string;
  readonly ttl: number | null;
  readonly expiresIn: number | null;
  readonly ageSeconds: number | null;
  readonly tags: readonly string[];
  readonly bytes: number | null;
  readonly leased: boolean;
}

/** One of `GET /api/cache/locks`. */
export type LockState = LockInfo & { readonly name: string };

/** One of `GET /api/cache/limits`. */
export interface LimitState {
  readonly name: string;
  readonly rules: readonly ResolvedRule[];
  readonly decided: RateLimiterStats;
  /** Where the caller stands; `null` of a limiter that does not count requests. */
  readonly you: RateLimitResult | null;
}

/** `GET /api/cache/rules`. */
export interface RuleGraph {
  readonly mode: "rules" | "dependencies";
  readonly entities: readonly {
    readonly entity: string;
    readonly patterns: readonly string[];
    readonly scoped: boolean;
    readonly endsSessions: boolean;
  }[];
  readonly relations: readonly {
    readonly from: string;
    readonly to: string;
    readonly idFrom: readonly string[];
  }[];
}

/** `GET /api/cache/warming`, as far as it is shown. */
export interface WarmingState {
  readonly readiness: {
    readonly ready: boolean;
    readonly reason: string;
    readonly openedAfter: number | null;
  };
  readonly runs: readonly WarmingRun[];
  readonly categories: Readonly<Record<string, number>>;
  readonly tasks: readonly {
    readonly key: string;
    readonly category: string;
    readonly priority: number;
    readonly lastOutcome: string | null;
    readonly lastReason: string | null;
    readonly lastDuration: number;
  }[];
  readonly hotKeys: readonly { readonly key: string; readonly reads: number }[];
}

export interface WarmingRun {
  readonly run: number;
  readonly kind: string;
  readonly startedAt: string;
  readonly completedAt: string | null;
  readonly total: number;
  readonly done: number;
  readonly successful: number;
  readonly failed: number;
  readonly skipped: number;
  readonly keysWarmed: number;
}

/** `GET /api/dev/sickness`. */
export interface Sickness {
  readonly redis: "none" | "slow" | "cut" | "dead" | null;
  readonly redisDelayMs: number;
  readonly originDelayMs: number;
}
