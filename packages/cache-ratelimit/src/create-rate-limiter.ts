import {
  type Cache,
  checkKey,
  checkOptionNames,
  type Duration,
  InvalidOptionError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";
import { type CompiledPlan, checkAffordable, compilePlan } from "./internal/compiled-plan.ts";
import { Engine, type RateLimiterStats, type Target } from "./internal/engine.ts";
import { LruMap } from "./internal/lru-map.ts";
import { Places } from "./internal/places.ts";
import {
  type CheckedRule,
  checkLimit,
  describeRule,
  isObject,
  parseWindow,
  resolveOptions,
  resolveRules,
  wholeNumber,
} from "./internal/resolve-rules.ts";
import type { AcquireResult, RateLimitResult } from "./result.ts";
import type { RateLimiterOptions, RateLimitRule, ResolvedRule } from "./rules.ts";

/** Who is counted: one name, or with rules that say `by`, one for each. */
export type Subject = string | Readonly<Record<string, string>>;

/** Limits of one call in place of those of the rules. */
export type LimitOverrides<Name extends string> = { readonly [K in Name]?: number | undefined };

/** Options of one call: its cost, and limits that hold for it alone. */
export interface CheckOptions<Name extends string = string> {
  /** What the call costs: a whole number of 1 or more. @default 1 */
  cost?: number | undefined;
  /** Limits of this call by rule. */
  limits?: LimitOverrides<Name> | undefined;
}

/** Options of one call that waits for its turn. */
export interface AcquireOptions<Name extends string = string> extends CheckOptions<Name> {
  /** Gives the place up; the call rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Longest wait; a call that would have to wait longer is refused at once and spends nothing. Up to 1 h. @default "30s" */
  maxWait?: Duration | undefined;
}

/**
 * Decides whether calls may go on. Made by `createRateLimiter`.
 *
 * A refusal is a value, spends nothing and changes nothing. Wrong input rejects before anything is sent; a cost that no
 * wait would make fit rejects with `CostExceedsLimitError`. When the store does not answer, the rules' policies decide.
 */
export interface RateLimiter<Name extends string = string> {
  readonly name: string;
  readonly rules: readonly ResolvedRule<Name>[];
  /** Spends the cost under every rule, or under none. One round trip. */
  check(subject: Subject, options?: CheckOptions<Name>): Promise<RateLimitResult<Name>>;
  /** What `check` would say now. Spends nothing. */
  peek(subject: Subject, options?: CheckOptions<Name>): Promise<RateLimitResult<Name>>;
  /**
   * As `check`, but waits for its turn: takes the next free place, in the order in which the server was asked by any
   * process, and resolves when its time has come. Nothing is polled. While somebody waits, `check` refuses.
   */
  acquire(subject: Subject, options?: AcquireOptions<Name>): Promise<AcquireResult<Name>>;
  /** Gives back what was spent, the newest first: for a call that failed, or cost less than was thought. */
  refund(subject: Subject, cost?: number): Promise<RateLimitResult<Name>>;
  /** Spends past the limits, at most one whole limit past each: it locks out for two windows at most. */
  penalty(subject: Subject, cost: number): Promise<RateLimitResult<Name>>;
  /** Refuses every call for a while; 400 days at most. */
  block(subject: Subject, duration: Duration): Promise<RateLimitResult<Name>>;
  /** Ends a block. What was spent before it counts again. */
  unblock(subject: Subject): Promise<RateLimitResult<Name>>;
  /** Forgets what was spent, and a block. */
  reset(subject: Subject): Promise<RateLimitResult<Name>>;
  /** Counts of this process since the limiter was made. */
  getStats(): RateLimiterStats;
  /** Ends the waits of this limiter with `RateLimiterClosedError`, gives their places up, and stops listening. Close it before the cache. */
  close(): Promise<void>;
}

const LONGEST_WAIT_MS = 3_600_000;
const CHECK: OptionNames<CheckOptions> = { cost: true, limits: true };
const ACQUIRE: OptionNames<AcquireOptions> = { ...CHECK, signal: true, maxWait: true };

/**
 * Makes a limiter on a cache's store.
 *
 * ```ts
 * const limiter = createRateLimiter(cache, {
 *   perSecond: { limit: 10, window: "1s", algorithm: "gcra" },
 *   perDay: { limit: 10_000, window: "1d" },
 * });
 * const { allowed, retryAfter } = await limiter.check(userId, { cost: 3 });
 * ```
 * Rules that count the same subject are judged together in that subject's slot. When rules say `by`, the whole limiter
 * lies in one slot, that of its name: the placement never depends on the call.
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function createRateLimiter<const Name extends string>(
  cache: Cache,
  rules: Readonly<Record<Name, RateLimitRule>>,
  options?: RateLimiterOptions,
): RateLimiter<Name> {
  if ((cache as Cache | null)?.internals?.store === undefined) {
    throw new InvalidOptionError({
      option: "cache",
      received: cache,
      expected: "a cache, as `createCache` makes it",
    });
  }
  const { name, denyCache } = resolveOptions(options);
  const checked = resolveRules(rules, name);
  return new Limiter<Name>(cache, name, checked, new Engine(cache, denyCache));
}

class Limiter<Name extends string> implements RateLimiter<Name> {
  readonly name: string;
  readonly rules: readonly ResolvedRule<Name>[];
  readonly #cache: Cache;
  readonly #checked: readonly CheckedRule[];
  readonly #engine: Engine;
  readonly #places: Places;
  /** Names of the subjects of a call in the order in which they are sent; none when a call has a single one. */
  readonly #subjects: readonly string[];
  /** The plan of every call, unless a limit depends on the call. */
  readonly #plan: CompiledPlan | null;
  readonly #plans = new LruMap<string, CompiledPlan>(1_000);

  constructor(cache: Cache, name: string, checked: readonly CheckedRule[], engine: Engine) {
    this.name = name;
    this.#cache = cache;
    this.#checked = checked;
    this.#engine = engine;
    this.rules = checked.map((rule) => describeRule<Name>(rule));
    this.#subjects = [...new Set(checked.flatMap(({ by }) => (by === null ? [] : [by])))];
    const limits = checked.map(({ limit }) => limit);
    this.#plan = limits.every((limit) => typeof limit === "number")
      ? compilePlan(checked, limits, this.#subjects)
      : null;
    this.#places = new Places(cache, engine);
  }

  check(subject: Subject, options?: CheckOptions<Name>): Promise<RateLimitResult<Name>> {
    try {
      if (options !== undefined) checkOptions(options, CHECK);
      const target = this.#target(subject);
      const plan = this.#planFor(subject, options?.limits);
      const cost = costOf(options?.cost);
      checkAffordable(plan, cost);
      return this.#engine.check(plan, cost, target, (result) => result as RateLimitResult<Name>);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async peek(subject: Subject, options?: CheckOptions<Name>): Promise<RateLimitResult<Name>> {
    if (options !== undefined) checkOptions(options, CHECK);
    const target = this.#target(subject);
    const plan = this.#planFor(subject, options?.limits);
    const cost = costOf(options?.cost);
    checkAffordable(plan, cost);
    return (await this.#engine.peek(plan, cost, target)) as RateLimitResult<Name>;
  }

  async acquire(subject: Subject, options: AcquireOptions<Name> = {}): Promise<AcquireResult<Name>> {
    checkOptions(options, ACQUIRE);
    const target = this.#target(subject);
    const plan = this.#planFor(subject, options.limits);
    const cost = costOf(options.cost);
    checkAffordable(plan, cost);
    const maxWaitMs = parseDuration(options.maxWait ?? "30s", "maxWait");
    if (maxWaitMs > LONGEST_WAIT_MS) {
      throw new InvalidOptionError({
        option: "maxWait",
        received: options.maxWait,
        expected: "a duration up to 1 h",
      });
    }
    const { signal } = options;
    if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== "function") {
      throw new InvalidOptionError({ option: "signal", received: signal, expected: "an AbortSignal" });
    }
    const queue = this.#queue(target);
    return (await this.#places.acquire({
      plan,
      cost,
      target,
      queue,
      maxWaitMs,
      signal,
    })) as AcquireResult<Name>;
  }

  async refund(subject: Subject, cost: number = 1): Promise<RateLimitResult<Name>> {
    return this.#adjust("give", subject, costOf(cost));
  }

  async penalty(subject: Subject, cost: number): Promise<RateLimitResult<Name>> {
    checkLimit("cost", cost);
    return this.#adjust("penalty", subject, cost);
  }

  async block(subject: Subject, duration: Duration): Promise<RateLimitResult<Name>> {
    return this.#adjust("block", subject, parseWindow("duration", duration));
  }

  async unblock(subject: Subject): Promise<RateLimitResult<Name>> {
    return this.#adjust("unblock", subject, 0);
  }

  async reset(subject: Subject): Promise<RateLimitResult<Name>> {
    return this.#adjust("reset", subject, 0);
  }

  getStats(): RateLimiterStats {
    return this.#engine.stats;
  }

  close(): Promise<void> {
    return this.#places.close();
  }

  async #adjust(
    what: Parameters<Engine["adjust"]>[0],
    subject: Subject,
    amount: number,
  ): Promise<RateLimitResult<Name>> {
    const target = this.#target(subject);
    const plan = this.#planFor(subject, undefined);
    return (await this.#engine.adjust(
      what,
      amount,
      plan,
      target,
      this.#queue(target),
    )) as RateLimitResult<Name>;
  }

  /** The name of the queue behind the prefix of the keys. `!` is in no name of a rule. */
  #queue(target: Target): string {
    return this.#subjects.length === 0 ? `${this.name}!${target.id}` : `${this.name}!`;
  }

  #planFor(subject: Subject, overrides: LimitOverrides<Name> | undefined): CompiledPlan {
    if (this.#plan !== null && overrides === undefined) return this.#plan;
    if (overrides !== undefined) this.#checkOverrides(overrides);
    const limits = this.#checked.map((rule) => {
      // A rule may be called as something that every object has.
      const override =
        overrides !== undefined && Object.hasOwn(overrides, rule.name)
          ? overrides[rule.name as Name]
          : undefined;
      if (override !== undefined) {
        checkLimit(`limits.${rule.name}`, override);
        return override;
      }
      if (typeof rule.limit === "number") return rule.limit;
      const limit = rule.limit(
        typeof subject === "string" ? subject : (subject[rule.by as string] as string),
      );
      checkLimit(`rules.${rule.name}.limit()`, limit);
      return limit;
    });
    const name = limits.join(" ");
    let plan = this.#plans.get(name);
    if (plan === undefined) {
      plan = compilePlan(this.#checked, limits, this.#subjects);
      this.#plans.set(name, plan);
    }
    return plan;
  }

  #checkOverrides(overrides: object): void {
    const known = this.#checked.map(({ name }) => name);
    const isObject = typeof overrides === "object" && overrides !== null && !Array.isArray(overrides);
    const stranger = isObject ? Object.keys(overrides).find((name) => !known.includes(name)) : undefined;
    if (isObject && stranger === undefined) return;
    throw new InvalidOptionError({
      option: "limits",
      received: isObject ? stranger : overrides,
      expected: `limits of the rules ${known.map((name) => `"${name}"`).join(", ")}`,
    });
  }

  #target(subject: Subject): Target {
    const { keys, prefix } = this.#cache.internals;
    if (this.#subjects.length === 0) {
      const full = prefix + checkKey(subject, "subject");
      return { bucket: keys.bucketOf(full), subjects: [full], id: full };
    }
    if (typeof subject !== "object" || subject === null) {
      throw new InvalidOptionError({
        option: "subject",
        received: subject,
        expected: `an object with ${this.#subjects.map((name) => `\`${name}\``).join(", ")}`,
      });
    }
    const subjects = this.#subjects.map((name) => prefix + checkKey(subject[name], `subject.${name}`));
    return { bucket: keys.bucketOf(this.name), subjects, id: subjects.join("\0") };
  }
}

function costOf(cost: number | undefined): number {
  if (cost === undefined) return 1;
  wholeNumber("cost", cost, 1, 2 ** 50);
  return cost;
}

function checkOptions(options: object, known: Readonly<Record<string, true>>): void {
  if (!isObject(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  checkOptionNames(options, known);
}
