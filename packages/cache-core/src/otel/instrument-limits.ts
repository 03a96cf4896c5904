import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { Cache } from "../cache.ts";
import { LIMITER, NAMESPACE, OUTCOME } from "./names.ts";
import type { LimitFigures } from "./sources.ts";

/** Allowed, denied, denied from memory, decided by policy. */
export const LIMITER_SERIES = 4;

/** Tells what limiters have counted themselves, without the names of those whom they count. */
export function instrumentLimits(cache: Cache, meter: Meter, limiters: readonly LimitFigures[]): () => void {
  const decisions = meter.createObservableCounter("crm.cache.limit.decisions", {
    ...{ unit: "{decision}", description: "Calls that limiters of this process let go on, or did not" },
  });
  const fromMemory = meter.createObservableCounter("crm.cache.limit.denied_from_memory", {
    ...{ unit: "{decision}", description: "Of the denied: without asking the store" },
  });
  const byPolicy = meter.createObservableCounter("crm.cache.limit.decided_by_policy", {
    ...{ unit: "{decision}", description: "Decided by the policy of a rule: the store did not answer" },
  });

  function observe(result: BatchObservableResult): void {
    for (const limiter of limiters) {
      const of = { [NAMESPACE]: cache.namespace, [LIMITER]: limiter.name };
      const { allowed, denied, deniedFromMemory, decidedByPolicy } = limiter.getStats();
      result.observe(decisions, allowed, { ...of, [OUTCOME]: "allowed" });
      result.observe(decisions, denied, { ...of, [OUTCOME]: "denied" });
      result.observe(fromMemory, deniedFromMemory, of);
      result.observe(byPolicy, decidedByPolicy, of);
    }
  }

  const observables = [decisions, fromMemory, byPolicy];
  meter.addBatchObservableCallback(observe, observables);
  return () => meter.removeBatchObservableCallback(observe, observables);
}
