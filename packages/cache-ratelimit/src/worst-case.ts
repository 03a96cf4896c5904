import { type Duration, parseDuration } from "@crm/cache-core";
import type { Algorithm } from "./rules.ts";

/**
 * The most that a rule can allow in any rolling window of its length, against a caller who knows the algorithm: what to
 * compare algorithms by. `test/worst-case.test.ts` plays that caller and reaches or stays below each figure.
 *
 * Penalties and refunds change what is counted, and are not counted here; nor is a clock of the server that is set.
 *
 * @throws InvalidDurationError
 */
export function worstCase(rule: {
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly window: Duration;
  readonly burst?: number | undefined;
}): number {
  const { algorithm, limit, burst = limit } = rule;
  switch (algorithm) {
    case "sliding-log":
      return limit;
    case "fixed-window":
    case "sliding-counter":
      // One early hit opens the window, the rest comes at its end, and then a whole limit.
      return 2 * limit - 1;
    default: {
      // The burst in the window's first ms and what has drained by its last; in no ms more than the burst.
      const windowMs = parseDuration(rule.window, "window");
      const drained = Number((BigInt(limit) * BigInt(windowMs - 1)) / BigInt(windowMs));
      return Math.min(burst + drained, burst * windowMs);
    }
  }
}
