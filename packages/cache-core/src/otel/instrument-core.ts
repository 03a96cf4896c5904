import type { Attributes, BatchObservableResult, Meter, Observable } from "@opentelemetry/api";
import type { Cache } from "../cache.ts";
import type { CacheEvents } from "../events.ts";
import { DURATION_BUCKETS, HISTOGRAM_SERIES, NAMESPACE, OUTCOME, REASON, TEMPLATE, TIER } from "./names.ts";
import type { TemplateTable } from "./template-table.ts";

/** Two histograms, and a series for each further observation below that has no template. */
export const CORE_SERIES: number = 2 * HISTOGRAM_SERIES + 19;

type Rejection = CacheEvents["entry:rejected"]["reason"];

/** Counts what a cache does. Returns the function that ends it. */
export function instrumentCore(cache: Cache, meter: Meter, table: TemplateTable): () => void {
  const base: Attributes = { [NAMESPACE]: cache.namespace };
  const totals = {
    fetchErrors: 0,
    applied: 0,
    pending: 0,
    removed: 0,
    rejected: { foreign: 0, damaged: 0, schema: 0, codec: 0 } satisfies Record<Rejection, number>,
    backgroundErrors: 0,
    outages: 0,
    outageSeconds: 0,
  };

  const advice = { explicitBucketBoundaries: [...DURATION_BUCKETS] };
  const fetchDuration = meter.createHistogram("crm.cache.fetch.duration", {
    ...{ unit: "s", description: "Duration of fetches, failed ones included", advice },
  });
  const invalidationDuration = meter.createHistogram("crm.cache.invalidation.duration", {
    ...{ unit: "s", description: "Duration of invalidations until they were acknowledged", advice },
  });

  const observables: Observable[] = [];
  const kept = <O extends Observable>(observable: O): O => {
    observables.push(observable);
    return observable;
  };
  const counter = (name: string, unit: string, description: string) =>
    kept(meter.createObservableCounter(`crm.cache.${name}`, { unit, description }));
  const gauge = (name: string, unit: string, description: string) =>
    kept(meter.createObservableGauge(`crm.cache.${name}`, { unit, description }));
  const level = (name: string, unit: string, description: string) =>
    kept(meter.createObservableUpDownCounter(`crm.cache.${name}`, { unit, description }));

  const reads = counter("reads", "{read}", "Reads by what they found, and where");
  const fetches = counter("fetches", "{fetch}", "Calls of fetchers that have ended");
  const fetchTime = counter("fetch.time", "s", "Time spent in fetchers");
  const fetchErrors = counter("fetch.errors", "{fetch}", "Calls of fetchers that have failed");
  const waits = counter("fetch.waits", "{wait}", "Readers that waited for another's fetch");
  const revoked = counter("fills.revoked", "{fill}", "Fills refused: an invalidation came first");
  const invalidations = counter("invalidations", "{invalidation}", "Invalidations by what became of them");
  const removed = counter("invalidation.entries", "{entry}", "Entries that invalidations removed");
  const backlog = level("invalidation.backlog", "{invalidation}", "Invalidations kept and being retried");
  const rejected = counter("entries.rejected", "{entry}", "Stored entries that could not be used");
  const backgroundErrors = counter("background.errors", "{error}", "Failures nobody was waiting for");
  const entries = level("entries", "{entry}", "Live entries in the store");
  const available = gauge("store.available", "{state}", "1 while the store answers, else 0");
  const outages = counter("store.outages", "{outage}", "How often the store stopped answering");
  const outageTime = counter("store.outage.time", "s", "Time without the store, of outages that have ended");
  const tierEntries = level("memory.entries", "{entry}", "Entries of the in-process tier");
  const tierSize = level("memory.size", "By", "Estimated size of the in-process tier");
  const evictions = counter("memory.evictions", "{entry}", "Evictions from the in-process tier");
  const flushes = counter("memory.flushes", "{flush}", "How often the in-process tier was emptied");
  const coherent = gauge("memory.coherent", "{state}", "1 while the link to the bus is proven alive, else 0");

  const counting = cache.internals.countReads((key, outcome, count) => {
    table.of(key)[outcome] += count;
  });
  const fetched = (key: string, durationMs: number) => {
    const counts = table.of(key);
    counts.fetches++;
    counts.fetchSeconds += durationMs / 1000;
    fetchDuration.record(durationMs / 1000, base);
  };
  const ends = [
    counting.stop,
    cache.on("fetch:end", ({ key, durationMs }) => fetched(key, durationMs)),
    cache.on("fetch:error", ({ key, durationMs }) => {
      totals.fetchErrors++;
      fetched(key, durationMs);
    }),
    cache.on("fetch:join", ({ key }) => void table.of(key).waits++),
    cache.on("fill:revoked", ({ key }) => void table.of(key).revoked++),
    cache.on("invalidation:applied", ({ removed: count, durationMs }) => {
      totals.applied++;
      totals.removed += count;
      invalidationDuration.record(durationMs / 1000, base);
    }),
    cache.on("invalidation:pending", () => void totals.pending++),
    cache.on("entry:rejected", ({ reason }) => void totals.rejected[reason]++),
    cache.on("background:error", () => void totals.backgroundErrors++),
    cache.on("store:down", () => void totals.outages++),
    cache.on("store:up", ({ downMs }) => {
      totals.outageSeconds += downMs / 1000;
    }),
  ];

  function observeTemplates(result: BatchObservableResult): void {
    const byTemplate = (observable: Observable, count: number, attributes: Attributes) => {
      if (count > 0) result.observe(observable, count, { ...base, ...attributes });
    };
    for (const counts of table.values()) {
      const of = { [TEMPLATE]: counts.template };
      byTemplate(reads, counts.memory, { ...of, [OUTCOME]: "hit", [TIER]: "memory" });
      byTemplate(reads, counts.store, { ...of, [OUTCOME]: "hit", [TIER]: "store" });
      byTemplate(reads, counts.stale, { ...of, [OUTCOME]: "stale", [TIER]: "store" });
      byTemplate(reads, counts.miss, { ...of, [OUTCOME]: "miss" });
      byTemplate(fetches, counts.fetches, of);
      byTemplate(fetchTime, counts.fetchSeconds, of);
      byTemplate(waits, counts.waits, of);
      byTemplate(revoked, counts.revoked, of);
    }
  }

  async function observe(result: BatchObservableResult): Promise<void> {
    counting.collect();
    observeTemplates(result);
    result.observe(fetchErrors, totals.fetchErrors, base);
    result.observe(invalidations, totals.applied, { ...base, [OUTCOME]: "applied" });
    result.observe(invalidations, totals.pending, { ...base, [OUTCOME]: "pending" });
    result.observe(removed, totals.removed, base);
    for (const [reason, count] of Object.entries(totals.rejected))
      result.observe(rejected, count, { ...base, [REASON]: reason });
    result.observe(backgroundErrors, totals.backgroundErrors, base);
    result.observe(available, cache.internals.store.available ? 1 : 0, base);
    result.observe(outages, totals.outages, base);
    result.observe(outageTime, totals.outageSeconds, base);
    const stats = await cache.getStats();
    result.observe(backlog, stats.pendingInvalidations, base);
    if (stats.connected) result.observe(entries, stats.keys, base);
    if (stats.l1 === null) return;
    result.observe(tierEntries, stats.l1.entries, base);
    result.observe(tierSize, stats.l1.bytes, base);
    result.observe(evictions, stats.l1.evictions, base);
    result.observe(flushes, stats.l1.flushes, base);
    result.observe(coherent, stats.l1.coherent ? 1 : 0, base);
  }

  meter.addBatchObservableCallback(observe, observables);
  return () => {
    meter.removeBatchObservableCallback(observe, observables);
    for (const end of ends) end();
  };
}
