import type { BatchObservableResult, Meter } from "@opentelemetry/api";
import type { Cache } from "../cache.ts";
import { NAMESPACE, OUTCOME, REASON } from "./names.ts";
import type { LockEventSource } from "./sources.ts";

const LOST = ["expired", "taken", "forced", "released", "other"] as const;

/** Acquired, released, their two times, the ways to lose one. Failed calls are one series. */
export const LOCK_SERIES: number = 5 + LOST.length;

/** Counts what becomes of locks, without their names: those are the caller's, and without bound. */
export function instrumentLocks(cache: Cache, meter: Meter, locks: LockEventSource): () => void {
  const base = { [NAMESPACE]: cache.namespace };
  const totals = { acquired: 0, released: 0, waitSeconds: 0, heldSeconds: 0, failures: 0 };
  const lost = new Map<string, number>(LOST.map((reason) => [reason, 0]));

  const changes = meter.createObservableCounter("crm.cache.locks", {
    ...{ unit: "{lock}", description: "Locks of this process by what became of them" },
  });
  const waitTime = meter.createObservableCounter("crm.cache.lock.wait.time", {
    ...{ unit: "s", description: "Time spent waiting for locks that were acquired" },
  });
  const heldTime = meter.createObservableCounter("crm.cache.lock.held.time", {
    ...{ unit: "s", description: "Time for which released locks were held" },
  });
  const failures = meter.createObservableCounter("crm.cache.lock.failures", {
    ...{ unit: "{call}", description: "Renewals and releases that were not confirmed and are tried again" },
  });

  const failed = () => void totals.failures++;
  const ends = [
    locks.on("lock:acquired", ({ waitedMs }) => {
      totals.acquired++;
      totals.waitSeconds += waitedMs / 1000;
    }),
    locks.on("lock:released", ({ heldMs }) => {
      totals.released++;
      totals.heldSeconds += heldMs / 1000;
    }),
    locks.on("lock:lost", ({ reason }) => {
      const known = lost.has(reason) ? reason : "other";
      lost.set(known, (lost.get(known) as number) + 1);
    }),
    locks.on("lock:renewal-failed", failed),
    locks.on("lock:release-failed", failed),
  ];

  function observe(result: BatchObservableResult): void {
    result.observe(changes, totals.acquired, { ...base, [OUTCOME]: "acquired" });
    result.observe(changes, totals.released, { ...base, [OUTCOME]: "released" });
    for (const [reason, count] of lost)
      result.observe(changes, count, { ...base, [OUTCOME]: "lost", [REASON]: reason });
    result.observe(waitTime, totals.waitSeconds, base);
    result.observe(heldTime, totals.heldSeconds, base);
    result.observe(failures, totals.failures, base);
  }

  const observables = [changes, waitTime, heldTime, failures];
  meter.addBatchObservableCallback(observe, observables);
  return () => {
    meter.removeBatchObservableCallback(observe, observables);
    for (const end of ends) end();
  };
}
