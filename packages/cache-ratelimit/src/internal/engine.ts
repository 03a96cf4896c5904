import { type Cache, CacheError, StoreReplyError, StoreUnavailableError } from "@crm/cache-core";
import type { RateLimitResult } from "../result.ts";
import { type Adjustment, adjustLimits } from "../scripts/adjust-limits.ts";
import { CheckBatch, type Waiting } from "./check-batch.ts";
import { type CompiledPlan, quickFor } from "./compiled-plan.ts";
import { DenyCache } from "./deny-cache.ts";
import { LocalLimits } from "./local-limits.ts";
import type { CheckedOptions } from "./resolve-rules.ts";
import { FIGURES, toResult } from "./to-result.ts";

/** A refusal by the policy `closed` says to try again so much later, in ms: the store may be back. */
const CLOSED_RETRY_MS = 1_000;

/** How often each thing has happened in this process since the limiter was made. */
export interface RateLimiterStats {
  readonly allowed: number;
  readonly denied: number;
  /** Of the denied: without asking the store. */
  readonly deniedFromMemory: number;
  /** Decided by a policy, because the store did not answer. */
  readonly decidedByPolicy: number;
  /** Refusals that this process remembers now. */
  readonly remembered: number;
}

/** Where the subjects of a call are counted, and the names that the scripts give them. */
export interface Target {
  readonly bucket: number;
  /** With the scope of the cache. */
  readonly subjects: readonly string[];
  /** Names them all in maps of this process. */
  readonly id: string;
}

/** What the limiter and the actions of the cache share: asking the store, remembering refusals, going on without it. */
export class Engine {
  readonly #cache: Cache;
  readonly #batches: (CheckBatch | undefined)[] = [];
  readonly #denials: DenyCache | null;
  readonly #local: LocalLimits;
  #allowed = 0;
  #denied = 0;
  #deniedFromMemory = 0;
  #decidedByPolicy = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(cache: Cache, denyCache: CheckedOptions["denyCache"]) {
    this.#cache = cache;
    this.#denials = denyCache === null ? null : new DenyCache(denyCache.maxEntries, denyCache.maxAgeMs);
    this.#local = new LocalLimits(cache.internals.clock);
  }

  get stats(): RateLimiterStats {
    return {
      allowed: this.#allowed,
      denied: this.#denied,
      deniedFromMemory: this.#deniedFromMemory,
      decidedByPolicy: this.#decidedByPolicy,
      remembered: this.#denials?.size ?? 0,
    };
  }

  /** The names of a slot group's keys begin with this. */
  prefixOf(bucket: number): string {
    const { keys } = this.#cache.internals;
    return `${keys.base}q${keys.hashTag(bucket)}:`;
  }

  /** `as`: what the caller wants of the result. */
  check<T>(plan: CompiledPlan, cost: number, target: Target, as: (result: RateLimitResult) => T): Promise<T> {
    const denials = this.#denials;
    if (denials !== null && denials.size > 0) {
      const now = this.#cache.internals.clock.monotonic();
      const denial = denials.find(target.id, plan.source, cost, now);
      if (denial !== undefined) {
        this.#denied++;
        this.#deniedFromMemory++;
        return Promise.resolve(as(toResult(plan, denial.figures, 0, "memory", now - denial.at)));
      }
    }
    const batch = this.#batchOf(target.bucket);
    const epoch = denials?.epoch;
    const quick = quickFor(plan, cost);
    if (!batch.idle || quick === null)
      return this.#checkTogether(batch, plan, cost, target, epoch, as, quick);
    const sentAt = this.#cache.internals.clock.monotonic();
    return batch.askAlone(
      { quick, cost, subjects: target.subjects },
      plan.rules.length,
      (figures) =>
        figures === null
          ? this.#checkTogether(batch, plan, cost, target, epoch, as, null)
          : as(this.#note(plan, cost, target, figures, 0, sentAt, epoch)),
      (error) => as(this.#orPolicy(error, plan, cost, target)),
    );
  }

  #checkTogether<T>(
    batch: CheckBatch,
    plan: CompiledPlan,
    cost: number,
    target: Target,
    epoch: number | undefined,
    as: (result: RateLimitResult) => T,
    quick: CompiledPlan["quick"],
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        width: FIGURES * plan.rules.length,
        answered: (reply, from, sentAt) =>
          resolve(as(this.#note(plan, cost, target, reply, from, sentAt, epoch))),
        failed: (error) => {
          try {
            resolve(as(this.#orPolicy(error, plan, cost, target)));
          } catch (unavailable) {
            reject(unavailable);
          }
        },
      };
      batch.add(plan, cost, target.subjects, waiting, quick);
    });
  }

  /** The result of a call that the store has decided. `epoch`: that of the memory of refusals when it was asked. */
  #note(
    plan: CompiledPlan,
    cost: number,
    target: Target,
    reply: readonly number[],
    from: number,
    sentAt: number,
    epoch: number | undefined,
  ): RateLimitResult {
    const result = toResult(plan, reply, from, "store", 0);
    this.count(result);
    if (!result.allowed && this.#denials !== null && this.#denials.epoch === epoch) {
      this.#denials.remember(target.id, {
        plan: plan.source,
        cost,
        at: sentAt,
        until: sentAt + result.retryAfter * 1000,
        figures: reply.slice(from, from + FIGURES * plan.rules.length),
      });
    }
    return result;
  }

  /** As `check` (a cost of 0 only looks), without memory and without policy: the store answers, or the call rejects. */
  ask(plan: CompiledPlan, cost: number, target: Target): Promise<RateLimitResult> {
    return new Promise((resolve, reject) => {
      this.#batchOf(target.bucket).add(plan, cost, target.subjects, {
        width: FIGURES * plan.rules.length,
        answered: (reply, from) => resolve(toResult(plan, reply, from, "store", 0)),
        failed: reject,
      });
    });
  }

  /** What a call of this cost would be told. Spends nothing. */
  peek(plan: CompiledPlan, cost: number, target: Target): Promise<RateLimitResult> {
    return new Promise((resolve, reject) => {
      this.#batchOf(target.bucket).add(plan, -cost, target.subjects, {
        width: FIGURES * plan.rules.length,
        answered: (reply, from) => resolve(toResult(plan, reply, from, "store", 0)),
        failed: (error) => {
          try {
            resolve(this.#orPolicy(error, plan, -cost, target));
          } catch (unavailable) {
            reject(unavailable);
          }
        },
      });
    });
  }

  /** Changes what is counted. Rejects when the store is away: nothing of this may be lost unnoticed. */
  async adjust(
    what: Adjustment,
    amount: number,
    plan: CompiledPlan,
    target: Target,
    queue: string,
  ): Promise<RateLimitResult> {
    const lenient = what === "give" || what === "unblock" || what === "reset";
    if (lenient) this.#denials?.forget(target.id);
    if (plan.local !== null) this.#local.adjust([what, amount, "", plan.local.source, ...target.subjects]);
    const args = [what, amount, queue, plan.source, ...target.subjects];
    const reply = await this.#cache.internals.store.run(adjustLimits, [this.prefixOf(target.bucket)], args);
    // Again: what was decided before the change may have been remembered while it ran.
    if (lenient) this.#denials?.forget(target.id);
    if (!Array.isArray(reply) || reply.length !== 1 + FIGURES * plan.rules.length) {
      throw new StoreReplyError({ operation: adjustLimits.name, received: reply });
    }
    return toResult(plan, reply as readonly number[], 1, "store", 0);
  }

  /** Forgets that the subjects were refused. */
  forget(target: Target): void {
    this.#denials?.forget(target.id);
  }

  /** Decides by the policies of the rules; `null` when the error is not one that they answer for. */
  decideAlone(error: unknown, plan: CompiledPlan, cost: number, target: Target): RateLimitResult | null {
    if (!isSickness(error)) return null;
    this.#warn(error);
    this.#decidedByPolicy++;
    const figures: number[] = plan.capacities.flatMap((capacity) => [capacity, 0, 0]);
    let closed = false;
    plan.rules.forEach(({ whenUnavailable, shadow }, i) => {
      if (whenUnavailable !== "closed") return;
      figures.splice(FIGURES * i, FIGURES, 0, CLOSED_RETRY_MS, CLOSED_RETRY_MS);
      if (!shadow) closed = true;
    });
    if (plan.local !== null) {
      const spend = closed ? -Math.abs(cost) : cost;
      const reply = this.#local.check([plan.local.source, spend, ...target.subjects]);
      plan.local.places.forEach((place, i) => {
        const from = 1 + FIGURES * i;
        figures.splice(FIGURES * place, FIGURES, ...reply.slice(from, from + FIGURES));
      });
    }
    return toResult(plan, figures, 0, "policy", 0);
  }

  count(result: RateLimitResult): void {
    if (result.allowed) this.#allowed++;
    else this.#denied++;
  }

  /** What the policies decide; throws the error where they do not answer for it. */
  #orPolicy(error: unknown, plan: CompiledPlan, cost: number, target: Target): RateLimitResult {
    const result = this.decideAlone(error, plan, cost, target);
    if (result === null) throw error;
    if (cost > 0) this.count(result);
    return result;
  }

  #batchOf(bucket: number): CheckBatch {
    let batch = this.#batches[bucket];
    if (batch === undefined) {
      const { store, clock } = this.#cache.internals;
      batch = new CheckBatch(store, this.prefixOf(bucket), () => clock.monotonic());
      this.#batches[bucket] = batch;
    }
    return batch;
  }

  /** One line a second says as much as a thousand. */
  #warn(error: unknown): void {
    const { clock, logger } = this.#cache.internals;
    const now = clock.monotonic();
    if (now - this.#warnedAt < 1_000) return;
    this.#warnedAt = now;
    logger.warn({ err: error }, "The store does not answer; rate limits are decided by their policies");
  }
}

/** Whether the store could not be asked, or answered with nonsense; not that it was closed by its owner. */
function isSickness(error: unknown): boolean {
  if (StoreUnavailableError.isInstance(error)) return error.reason !== "closed";
  return CacheError.isInstance(error) && error.code === "STORE_REPLY";
}
