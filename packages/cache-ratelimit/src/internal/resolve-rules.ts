import { checkOptionNames, InvalidOptionError, type OptionNames, parseDuration } from "@crm/cache-core";
import type {
  Algorithm,
  DenyCacheOptions,
  RateLimiterOptions,
  RateLimitRule,
  ResolvedRule,
  UnavailablePolicy,
} from "../rules.ts";
import { worstCase } from "../worst-case.ts";
import { compileRule } from "./compile-rule.ts";

const LONGEST_WINDOW_MS = 34_560_000_000;
const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
const POLICIES: readonly UnavailablePolicy[] = ["local", "closed", "open"];
const MAX_RULES = 8;
const RULE: OptionNames<RateLimitRule> = {
  ...{ limit: true, window: true, algorithm: true, burst: true, maxHits: true, by: true, shadow: true },
  ...{ whenUnavailable: true, localShare: true },
};
const OPTIONS: OptionNames<RateLimiterOptions> = { name: true, denyCache: true };
const DENY_CACHE: OptionNames<DenyCacheOptions> = { maxEntries: true, maxAge: true };

/** A rule that was checked. */
export interface CheckedRule {
  readonly name: string;
  readonly part: string;
  /** Part of the key of the record in which it lies with others; empty: it has keys of its own. */
  readonly record: string;
  readonly algorithm: Algorithm;
  readonly limit: number | ((subject: string) => number);
  readonly windowMs: number;
  readonly burst: number | null;
  readonly maxHits: number;
  readonly by: string | null;
  readonly shadow: boolean;
  readonly whenUnavailable: UnavailablePolicy;
  readonly localShare: number;
}

export interface CheckedOptions {
  readonly name: string;
  readonly denyCache: { readonly maxEntries: number; readonly maxAgeMs: number } | null;
}

/** Checks the rules of a limiter. @throws InvalidOptionError, InvalidDurationError */
export function resolveRules(rules: Readonly<Record<string, RateLimitRule>>, limiter: string): CheckedRule[] {
  if (!isObject(rules) || Object.keys(rules).length === 0 || Object.keys(rules).length > MAX_RULES) {
    throw new InvalidOptionError({
      option: "rules",
      received: rules,
      expected: `an object with 1 to ${MAX_RULES} rules by name, such as { perMinute: { limit: 100, window: "1m" } }`,
    });
  }
  const checked = Object.entries(rules).map(([name, rule]) => resolveRule(name, rule, limiter));
  const named = checked.filter(({ by }) => by !== null);
  if (named.length > 0 && named.length < checked.length) {
    const without = checked.find(({ by }) => by === null) as CheckedRule;
    throw new InvalidOptionError({
      options: [`rules.${(named[0] as CheckedRule).name}.by`, `rules.${without.name}`],
      reason: "when one rule says which subject it counts, every rule has to",
      advice: "Give each rule a `by`, or none.",
    });
  }
  return inRecords(checked, limiter);
}

/**
 * Rules that count the same subject lie together, so that one command reads them all and one writes them. Not a log, which may be long, and not
 * those of limiters whose rules say `by`.
 */
function inRecords(rules: CheckedRule[], limiter: string): CheckedRule[] {
  const isShared = ({ by, algorithm }: CheckedRule): boolean => by === null && algorithm !== "sliding-log";
  if (rules.filter(isShared).length < 2) return rules;
  return rules.map((rule) => (isShared(rule) ? { ...rule, record: limiter } : rule));
}

function resolveRule(name: string, rule: RateLimitRule, limiter: string): CheckedRule {
  const path = `rules.${name}`;
  checkName(path, name);
  if (!isObject(rule)) {
    throw new InvalidOptionError({
      option: path,
      received: rule,
      expected: "an object with `limit` and `window`",
    });
  }
  checkOptionNames(rule, RULE, `${path}.`);
  const {
    algorithm = "fixed-window",
    whenUnavailable = "local",
    burst,
    maxHits,
    by,
    shadow,
    localShare,
  } = rule;
  oneOf(`${path}.algorithm`, algorithm, ALGORITHMS);
  oneOf(`${path}.whenUnavailable`, whenUnavailable, POLICIES);
  const windowMs = parseWindow(`${path}.window`, rule.window);
  if (typeof rule.limit !== "function") checkLimit(`${path}.limit`, rule.limit);
  const bucket = algorithm === "token-bucket" || algorithm === "gcra";
  if (burst !== undefined) {
    if (!bucket) contradiction(path, "burst", `a ${algorithm} has none`, "algorithm");
    checkLimit(`${path}.burst`, burst);
  }
  if (maxHits !== undefined) {
    if (algorithm !== "sliding-log")
      contradiction(path, "maxHits", `a ${algorithm} stores no hits`, "algorithm");
    wholeNumber(`${path}.maxHits`, maxHits, 1, 10_000);
  }
  if (localShare !== undefined) {
    if (whenUnavailable !== "local") {
      contradiction(
        path,
        "localShare",
        `"${whenUnavailable}" counts nothing in the process`,
        "whenUnavailable",
      );
    }
    if (typeof localShare !== "number" || !(localShare > 0 && localShare <= 1)) {
      throw new InvalidOptionError({
        option: `${path}.localShare`,
        received: localShare,
        expected: "a number above 0 and up to 1",
      });
    }
  }
  if (by !== undefined) checkName(`${path}.by`, by);
  if (shadow !== undefined && typeof shadow !== "boolean") {
    throw new InvalidOptionError({ option: `${path}.shadow`, received: shadow, expected: "true or false" });
  }
  const checked: CheckedRule = {
    name,
    part: `${limiter}/${name}`,
    record: "",
    algorithm,
    limit: rule.limit,
    windowMs,
    burst: burst ?? null,
    maxHits: maxHits ?? 1_000,
    by: by ?? null,
    shadow: shadow ?? false,
    whenUnavailable,
    localShare: localShare ?? 0.1,
  };
  // Refuses what cannot be counted exactly.
  if (typeof rule.limit === "number") compileRule(checked, rule.limit, 1);
  return checked;
}

/** Checks the options of a limiter. @throws InvalidOptionError, InvalidDurationError */
export function resolveOptions(options: RateLimiterOptions | undefined): CheckedOptions {
  if (options !== undefined && !isObject(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  checkOptionNames(options ?? {}, OPTIONS);
  const { name = "default", denyCache } = options ?? {};
  checkName("name", name);
  return { name, denyCache: resolveDenyCache(denyCache) };
}

export function resolveDenyCache(option: false | DenyCacheOptions | undefined): CheckedOptions["denyCache"] {
  if (option === false) return null;
  if (option !== undefined && !isObject(option)) {
    throw new InvalidOptionError({ option: "denyCache", received: option, expected: "false or an object" });
  }
  checkOptionNames(option ?? {}, DENY_CACHE, "denyCache.");
  const { maxEntries = 10_000, maxAge = "5s" } = option ?? {};
  wholeNumber("denyCache.maxEntries", maxEntries, 1, 1_000_000);
  const maxAgeMs = parseDuration(maxAge, "denyCache.maxAge");
  if (maxAgeMs > 3_600_000) {
    throw new InvalidOptionError({
      option: "denyCache.maxAge",
      received: maxAge,
      expected: "a duration up to 1 h",
    });
  }
  return { maxEntries, maxAgeMs };
}

/** What the caller sees of a rule. */
export function describeRule<Name extends string>(rule: CheckedRule): ResolvedRule<Name> {
  const limit = typeof rule.limit === "number" ? rule.limit : null;
  return {
    name: rule.name as Name,
    algorithm: rule.algorithm,
    limit,
    window: rule.windowMs / 1000,
    burst: rule.burst,
    by: rule.by,
    shadow: rule.shadow,
    whenUnavailable: rule.whenUnavailable,
    localShare: rule.localShare,
    worstCase:
      limit === null
        ? null
        : worstCase({
            algorithm: rule.algorithm,
            limit,
            window: rule.windowMs / 1000,
            burst: rule.burst ?? undefined,
          }),
  };
}

/** Whole ms of a window. @throws InvalidDurationError, InvalidOptionError */
export function parseWindow(option: string, value: unknown): number {
  const windowMs = parseDuration(value, option);
  if (windowMs <= LONGEST_WINDOW_MS) return windowMs;
  throw new InvalidOptionError({ option, received: value, expected: "a duration from 1 ms to 400 days" });
}

/** A limit, burst or cost: a whole number of 1 or more. */
export function checkLimit(option: string, value: unknown): asserts value is number {
  wholeNumber(option, value, 1, 2 ** 50);
}

export function wholeNumber(
  option: string,
  value: unknown,
  least: number,
  most: number,
): asserts value is number {
  if (typeof value === "number" && value % 1 === 0 && value >= least && value <= most) return;
  throw new InvalidOptionError({
    option,
    received: value,
    expected: `a whole number from ${least} to ${most}`,
  });
}

function checkName(option: string, name: unknown): void {
  if (typeof name === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new InvalidOptionError({
    option,
    received: name,
    expected: "1 to 64 characters of A-Z a-z 0-9 . _ -, the first a letter or digit",
  });
}

function oneOf(option: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  throw new InvalidOptionError({
    option,
    received: value,
    expected: known.map((each) => `"${each}"`).join(", "),
  });
}

function contradiction(path: string, option: string, reason: string, other: string): never {
  throw new InvalidOptionError({ options: [`${path}.${option}`, `${path}.${other}`], reason });
}

export function isObject(value: unknown): value is object {
  return Object.prototype.toString.call(value) === "[object Object]";
}
