import { CacheError } from "@crm/cache-core";

/** What a `CostExceedsLimitError` says: the rule, the cost that was asked for, and the most that ever fits at once. */
export interface CostExceedsLimitErrorParameters {
  /** Name of the rule, or of the parameter that holds the limit. */
  readonly rule: string;
  readonly cost: number;
  /** The most that can ever be spent at once: the limit, or the burst of a bucket. */
  readonly limit: number;
}

/** A call that costs more than a rule can ever allow: it would be refused for ever. Nothing was spent. */
export class CostExceedsLimitError extends CacheError {
  declare readonly code: "COST_EXCEEDS_LIMIT";
  readonly rule: string;
  readonly cost: number;
  readonly limit: number;

  constructor(parameters: CostExceedsLimitErrorParameters) {
    const { rule, cost, limit } = parameters;
    super({
      code: "COST_EXCEEDS_LIMIT",
      message:
        `cost: expected at most ${limit}, which is all that rule "${rule}" ever allows at once, got ${cost}. ` +
        "Split the work, raise the limit or the burst, or lower the cost; nothing was spent.",
    });
    this.rule = rule;
    this.cost = cost;
    this.limit = limit;
  }
  override get name(): "CostExceedsLimitError" {
    return "CostExceedsLimitError";
  }
  static override isInstance(value: unknown): value is CostExceedsLimitError {
    return CacheError.isInstance(value) && value.code === "COST_EXCEEDS_LIMIT";
  }
}

/** `acquire` on a limiter that was closed, or that is closed while the call waits. The place is given up; nothing was spent. */
export class RateLimiterClosedError extends CacheError {
  declare readonly code: "RATE_LIMITER_CLOSED";

  constructor() {
    super({
      code: "RATE_LIMITER_CLOSED",
      message:
        "acquire: expected a limiter that is open, but `limiter.close()` was called. " +
        "Nothing was spent; make another limiter, or close this one after the last wait.",
    });
  }
  override get name(): "RateLimiterClosedError" {
    return "RateLimiterClosedError";
  }
  static override isInstance(value: unknown): value is RateLimiterClosedError {
    return CacheError.isInstance(value) && value.code === "RATE_LIMITER_CLOSED";
  }
}
