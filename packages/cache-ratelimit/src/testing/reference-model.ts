import { type Duration, parseDuration } from "@crm/cache-core";
import type { Algorithm } from "../rules.ts";

/** What a rule would be, in the plainest words. */
export interface ReferenceRule {
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly window: Duration;
  readonly burst?: number | undefined;
}

/** A rule for one subject, written for reading and not for speed, to judge an implementation by. */
export interface ReferenceModel {
  /** Whether the cost fits at this time of the server, in whole ms. Changes nothing. */
  fits(nowMs: number, cost: number): boolean;
  /** Spends the cost. Call it only when it fits. Times never go back. */
  spend(nowMs: number, cost: number): void;
}

/**
 * Models of the five algorithms, from their definitions: every hit is remembered, arithmetic is exact (`BigInt`), and
 * nothing is shared with the scripts. Replay what a server decided, in its order, and compare.
 *
 * ```ts
 * const model = createReferenceModel({ algorithm: "gcra", limit: 10, window: "1s" });
 * if (model.fits(nowMs, 1)) model.spend(nowMs, 1);
 * ```
 *
 * @throws InvalidDurationError
 */
export function createReferenceModel(rule: ReferenceRule): ReferenceModel {
  const windowMs = parseDuration(rule.window, "window");
  switch (rule.algorithm) {
    case "fixed-window":
      return fixedWindow(rule.limit, windowMs);
    case "sliding-log":
      return slidingLog(rule.limit, windowMs);
    case "sliding-counter":
      return slidingCounter(rule.limit, windowMs);
    default:
      return bucket(rule.limit, windowMs, rule.burst ?? rule.limit);
  }
}

/** The first hit opens a window; what comes within its length is counted. */
function fixedWindow(limit: number, windowMs: number): ReferenceModel {
  let openedAt = Number.NEGATIVE_INFINITY;
  let count = 0;
  const countAt = (nowMs: number): number => (nowMs < openedAt + windowMs ? count : 0);
  return {
    fits: (nowMs, cost) => countAt(nowMs) + cost <= limit,
    spend(nowMs, cost) {
      count = countAt(nowMs) + cost;
      if (nowMs >= openedAt + windowMs) openedAt = nowMs;
    },
  };
}

/** No window of this length, wherever it begins, holds more than the limit. */
function slidingLog(limit: number, windowMs: number): ReferenceModel {
  let hits: { at: number; cost: number }[] = [];
  return {
    fits(nowMs, cost) {
      hits = hits.filter(({ at }) => at > nowMs - windowMs);
      return hits.reduce((sum, hit) => sum + hit.cost, cost) <= limit;
    },
    spend(nowMs, cost) {
      hits.push({ at: nowMs, cost });
    },
  };
}

/** The count of this window, and of the one before it the share that the rolling window still overlaps. */
function slidingCounter(limit: number, windowMs: number): ReferenceModel {
  let start = Number.NEGATIVE_INFINITY;
  let hits: { at: number; cost: number }[] = [];
  function counts(nowMs: number): { start: number; before: number; count: number } {
    if (nowMs >= start + 2 * windowMs) return { start: nowMs, before: 0, count: 0 };
    const from = nowMs >= start + windowMs ? start + windowMs : start;
    const within = (low: number): number =>
      hits.reduce((sum, { at, cost }) => (at >= low && at < low + windowMs ? sum + cost : sum), 0);
    return { start: from, before: within(from - windowMs), count: within(from) };
  }
  return {
    fits(nowMs, cost) {
      const { start: from, before, count } = counts(nowMs);
      const overlap = BigInt(before) * BigInt(windowMs - (nowMs - from));
      return overlap + BigInt(count + cost) * BigInt(windowMs) <= BigInt(limit) * BigInt(windowMs);
    },
    spend(nowMs, cost) {
      start = counts(nowMs).start;
      hits = hits.filter(({ at }) => at >= start - windowMs);
      hits.push({ at: nowMs, cost });
    },
  };
}

/** A full bucket loses what is spent and regains limit / window in every ms: in units of 1 / window. */
function bucket(limit: number, windowMs: number, burst: number): ReferenceModel {
  const full = BigInt(burst) * BigInt(windowMs);
  let level = full;
  let levelAt = 0;
  const levelOf = (nowMs: number): bigint => {
    const refilled = level + BigInt(nowMs - levelAt) * BigInt(limit);
    return refilled < full ? refilled : full;
  };
  return {
    fits: (nowMs, cost) => levelOf(nowMs) >= BigInt(cost) * BigInt(windowMs),
    spend(nowMs, cost) {
      level = levelOf(nowMs) - BigInt(cost) * BigInt(windowMs);
      levelAt = nowMs;
    },
  };
}
