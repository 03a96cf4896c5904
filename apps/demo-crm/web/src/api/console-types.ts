// What the routes of the console answer; some of them are not there in every version of the server.
import type { LockInfo } from "@crm/cache-lock";
import type { RateLimiterStats, RateLimitResult, ResolvedRule } from "@crm/cache-ratelimit";
import type { SicknessState } from "../../../src/dev/sickness.ts";
import type { RuleGraph as ServerRuleGraph } from "../../../src/live/describe-rules.ts";
import type { WarmingRun } from "../../../src/live/warming-log.ts";

export type { WarmingRun };

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
export type RuleGraph = ServerRuleGraph & { readonly mode: "rules" | "dependencies" };

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

/** `GET /api/dev/sickness`. */
export type Sickness = SicknessState;
