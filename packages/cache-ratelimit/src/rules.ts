import type { Duration } from "@crm/cache-core";

/**
 * How a rule counts. All of them decide by the server's clock, to the millisecond, and spend nothing on a refusal.
 *
 * - `fixed-window`: a counter; the window begins with the first hit. Worst: 2 × limit − 1 in a rolling window.
 * - `sliding-log`: every hit is remembered until it leaves the window. Worst: the limit, exactly.
 * - `sliding-counter`: the count of this window and the share of the one before that still overlaps. Small, smooth under
 *   organic traffic; worst: 2 × limit − 1.
 * - `token-bucket`: `burst` at once, refilled continuously at limit / window. Worst: burst + what refills in a window.
 * - `gcra`: the generic cell rate algorithm (ITU-T I.371), the same arithmetic seen from the other side; it differs from
 *   the token bucket in name only, so that either word finds it.
 */
export type Algorithm = "fixed-window" | "sliding-log" | "sliding-counter" | "token-bucket" | "gcra";

/** What decides while the store does not answer. */
export type UnavailablePolicy = "local" | "closed" | "open";

/** One limit. */
export interface RateLimitRule {
  /** Cost that fits into a window: a whole number of 1 or more, or a function of the subject that returns one. */
  limit: number | ((subject: string) => number);
  /** Length of the window: 1 ms to 400 days. */
  window: Duration;
  /** @default "fixed-window" */
  algorithm?: Algorithm | undefined;
  /** Token bucket and GCRA: cost that can be spent at once. @default the limit */
  burst?: number | undefined;
  /**
   * Sliding log: hits remembered for a subject, 1 to 10,000. A larger limit shares a slot of window / maxHits between
   * hits, which then count until the last of them leaves the window: refusals may last that much longer, and never is
   * more allowed than the limit. @default 1_000
   */
  maxHits?: number | undefined;
  /** Which of the call's subjects is counted, when the rules of a limiter count different ones: `"user"`, `"ip"`. */
  by?: string | undefined;
  /** Judge and report, never refuse: for trying a limit out. @default false */
  shadow?: boolean | undefined;
  /**
   * What decides while the store does not answer: `local`, this process alone, with its share of the limit; `closed`,
   * refuse; `open`, allow. @default "local"
   */
  whenUnavailable?: UnavailablePolicy | undefined;
  /** This process's share of the limit under `local`, above 0 and up to 1: one divided by your processes. @default 0.1 */
  localShare?: number | undefined;
}

/** Options of `createRateLimiter`. */
export interface RateLimiterOptions {
  /**
   * 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit. Limiters of one name and namespace share what
   * they count, in every process. @default "default"
   */
  name?: string | undefined;
  /** Remembers refusals in this process, so that a refused subject costs no command; `false` switches it off. */
  denyCache?: false | DenyCacheOptions | undefined;
}

/** Bounds of the refusals that a process remembers. */
export interface DenyCacheOptions {
  /** Subjects remembered at most; the least recently used goes first. 1 to 1,000,000. @default 10_000 */
  maxEntries?: number | undefined;
  /**
   * How long one is remembered at most, however long it is refused: after that time a reset, refund or unblock by
   * another process is seen. 1 ms to 1 h. @default "5s"
   */
  maxAge?: Duration | undefined;
}

/** A rule with its defaults, as `limiter.rules` shows it. */
export interface ResolvedRule<Name extends string = string> {
  readonly name: Name;
  readonly algorithm: Algorithm;
  /** `null` when it depends on the subject. */
  readonly limit: number | null;
  /** Seconds. */
  readonly window: number;
  readonly burst: number | null;
  readonly by: string | null;
  readonly shadow: boolean;
  readonly whenUnavailable: UnavailablePolicy;
  readonly localShare: number;
  /** The most that can be allowed in any rolling window, on the store's clock; `null` when the limit depends on the subject. */
  readonly worstCase: number | null;
}
