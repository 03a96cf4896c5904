import type { Algorithm, RateLimitRule } from "../../src/rules.ts";

export type ExactName = "fixed" | "log" | "counter" | "tokens" | "gcra";
export interface ExactRule extends RateLimitRule {
  readonly algorithm: Algorithm;
  readonly limit: number;
}

/** Every algorithm once, tight enough that about half of the calls are refused. Subjects are spread over these. */
export const EXACT_RULES: Readonly<Record<ExactName, ExactRule>> = {
  fixed: { algorithm: "fixed-window", limit: 60, window: "700ms" },
  log: { algorithm: "sliding-log", limit: 60, window: "700ms" },
  counter: { algorithm: "sliding-counter", limit: 61, window: "701ms" },
  tokens: { algorithm: "token-bucket", limit: 97, window: "1009ms", burst: 41 },
  gcra: { algorithm: "gcra", limit: 7, window: "83ms", burst: 20 },
};

/** Subjects of each limiter: 1,000 keys in all. */
export const KEYS = 200;
