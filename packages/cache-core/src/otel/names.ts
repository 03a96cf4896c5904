/**
 * Attributes. The semantic conventions define none for caches, and ask whoever needs some for a prefix of their own.
 */
export const NAMESPACE = "crm.cache.namespace";
export const TEMPLATE = "crm.cache.key.template";
export const OUTCOME = "crm.cache.outcome";
export const TIER = "crm.cache.tier";
export const REASON = "crm.cache.reason";
export const LIMITER = "crm.cache.limiter";

/** Seconds. Six buckets, since each is a series: an in-process source, a query, a slow query, somebody waits. */
export const DURATION_BUCKETS: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5];
/** The series of such a histogram: its buckets, the last one without a limit, sum and count. */
export const HISTOGRAM_SERIES: number = DURATION_BUCKETS.length + 3;
