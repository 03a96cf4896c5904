import type { Algorithm, RateLimitRule } from "../../src/rules.ts";

export type ExactName = "fixed" | "log" | "counter" | "tokens" | "gcra" | "record";
export interface ExactRule extends RateLimitRule {
  readonly algorithm: Algorithm;
  readonly limit: number;
}

const fixed: ExactRule = { algorithm: "fixed-window", limit: 60, window: "700ms" };
const tokens: ExactRule = { algorithm: "token-bucket", limit: 97, window: "1009ms", burst: 41 };
const gcra: ExactRule = { algorithm: "gcra", limit: 7, window: "83ms", burst: 20 };

/** The rules of each limiter: every algorithm once, and some together, tight enough that about half of the calls are refused. */
export const EXACT_RULES: Readonly<Record<ExactName, readonly ExactRule[]>> = {
  fixed: [fixed],
  log: [{ algorithm: "sliding-log", limit: 60, window: "700ms" }],
  counter: [{ algorithm: "sliding-counter", limit: 61, window: "701ms" }],
  tokens: [tokens],
  gcra: [gcra],
  record: [{ ...fixed, limit: 120, window: "1600ms" }, { ...tokens, limit: 90 }, gcra],
};

/** Subjects of each limiter: 1,002 keys in all. */
export const KEYS = 167;
