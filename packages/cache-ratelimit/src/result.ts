/** Where one rule stands. */
export interface RuleResult<Name extends string = string> {
  readonly name: Name;
  /** Cost that fits into a window; for a bucket what flows in during one. */
  readonly limit: number;
  /** Seconds. */
  readonly window: number;
  /** Cost that could be spent now. */
  readonly remaining: number;
  /** Seconds until all of it is back, if nothing more is spent. */
  readonly resetIn: number;
  /** Seconds until this call would fit; 0 when it does. */
  readonly retryAfter: number;
  readonly shadow: boolean;
}

/** The answer to a call. Durations are seconds with a resolution of 1 ms. */
export interface RateLimitResult<Name extends string = string> {
  readonly allowed: boolean;
  /** Cost that could still be spent now: the least of the rules. */
  readonly remaining: number;
  /** Seconds until all is back under the rule that `remaining` is of. */
  readonly resetIn: number;
  /** Seconds after which to try again: the longest of the rules that refused. 0 when it was allowed. */
  readonly retryAfter: number;
  /** The rules that refused. */
  readonly violated: readonly Name[];
  /** The rules in shadow mode that would have refused. */
  readonly shadowed: readonly Name[];
  /** Every rule, in the order in which they were given. */
  readonly limits: readonly RuleResult<Name>[];
  /**
   * Who decided: the `store`; this process's `memory`, which knows that the store would refuse; or, while the store does
   * not answer, the `policy` of the rules.
   */
  readonly decidedBy: "store" | "memory" | "policy";
}

/** The answer to `acquire`. */
export interface AcquireResult<Name extends string = string> extends RateLimitResult<Name> {
  /** Seconds that the call waited for its place. */
  readonly waited: number;
}
