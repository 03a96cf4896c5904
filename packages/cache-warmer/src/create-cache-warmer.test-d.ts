// Checked by the type checker alone: nothing here runs.

import type { Cache } from "@crm/cache-core";
import { type CacheWarmer, createCacheWarmer, type Readiness, type WarmingMetrics } from "./index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<_T extends true>(): void {}

export async function contract(cache: Cache): Promise<void> {
  const warmer = createCacheWarmer(cache, { maxParallel: undefined, hotKeys: { top: 10 } });
  same<Equal<typeof warmer, CacheWarmer>>();

  // Tasks of different values in one batch; a fetcher may be synchronous, may return nothing, and need not take a context.
  warmer.registerBatch([
    { key: "a", fetcher: () => 1, ttl: 300, priority: 8, category: "users" },
    { key: "b", fetcher: async () => ({ at: new Date() }), ttl: "5m", dependsOn: undefined },
    { key: "c", fetcher: async ({ signal, setTtl }) => (signal.aborted ? null : setTtl(1)) },
  ]);
  same<Equal<ReturnType<typeof warmer.getMetrics>, WarmingMetrics>>();
  same<Equal<ReturnType<typeof warmer.getTasksByCategory>, Record<string, number>>>();
  same<Equal<ReturnType<typeof warmer.readiness>, Readiness>>();
  const metrics = await warmer.warmAll({ parallel: true, signal: undefined });
  same<Equal<typeof metrics.startedAt, Date | null>>();
  warmer.on("task:end", ({ outcome }) => same<Equal<typeof outcome, "success" | "failed" | "skipped">>());

  // @ts-expect-error a task has a key
  warmer.register({ fetcher: () => 1 });
  // @ts-expect-error a duration has a unit
  warmer.register({ key: "a", fetcher: () => 1, ttl: "300" });
  // @ts-expect-error a background run has no signal of the caller's
  warmer.startBackgroundWarming({ minutes: 1, signal: AbortSignal.timeout(1) });
  // @ts-expect-error no such event
  warmer.on("task:ended", () => {});
}
