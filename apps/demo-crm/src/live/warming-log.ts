import type { RunKind, WarmerEvents, WarmingProgress } from "@crm/cache-warmer";
import { cacheWarmer } from "../cache/index.ts";
import { WARMING_NAMES } from "../cache/warming-tasks.ts";

const RUNS = 20;

export interface WarmingRun {
  readonly run: number;
  readonly kind: RunKind;
  readonly startedAt: string;
  /** `null` while it runs. */
  readonly completedAt: string | null;
  readonly total: number;
  readonly done: number;
  readonly successful: number;
  readonly failed: number;
  readonly skipped: number;
  readonly keysWarmed: number;
  readonly bytesWarmed: number;
}

/** What a follower is told: a run has begun, gone on or ended, or a state has changed. */
export interface WarmingEvent {
  readonly what: "run" | "limiter" | "readiness";
  readonly run?: WarmingRun | undefined;
  readonly limiter?: WarmerEvents["limiter:window"] | undefined;
  readonly readiness?: ReturnType<typeof cacheWarmer.readiness> | undefined;
}

export interface WarmingLog {
  /** Everything there is to see, of this instance. */
  read(): object;
  /** Calls back at every event until the returned function is called. */
  follow(onEvent: (event: WarmingEvent) => void): () => void;
  close(): void;
}

/** Notes what the warmer does. Made before the first run. */
export function createWarmingLog(): WarmingLog {
  const runs: WarmingRun[] = [];
  const followers = new Set<(event: WarmingEvent) => void>();
  const tell = (event: WarmingEvent) => {
    for (const onEvent of followers) onEvent(event);
  };
  const nothing = { done: 0, successful: 0, failed: 0, skipped: 0, keysWarmed: 0, bytesWarmed: 0 };

  function note(id: number, change: Partial<WarmingRun>): void {
    const at = runs.findIndex(({ run }) => run === id);
    if (at === -1) return;
    const run = { ...(runs[at] as WarmingRun), ...change };
    runs[at] = run;
    tell({ what: "run", run });
  }

  const stops = [
    cacheWarmer.on("run:start", ({ run, kind, total }) => {
      runs.unshift({ run, kind, total, startedAt: new Date().toISOString(), completedAt: null, ...nothing });
      if (runs.length > RUNS) runs.pop();
      note(run, {});
    }),
    cacheWarmer.on(
      "run:progress",
      ({ run, total, done, successful, failed, skipped }: { run: number } & WarmingProgress) =>
        note(run, { total, done, successful, failed, skipped }),
    ),
    cacheWarmer.on("run:end", ({ run, metrics }) => {
      const { totalTasks, successfulTasks, failedTasks, skippedTasks, keysWarmed, bytesWarmed } = metrics;
      note(run, {
        ...{ total: totalTasks, done: successfulTasks + failedTasks + skippedTasks, keysWarmed, bytesWarmed },
        ...{ successful: successfulTasks, failed: failedTasks, skipped: skippedTasks },
        completedAt: new Date().toISOString(),
      });
    }),
    cacheWarmer.on("limiter:window", (limiter) => tell({ what: "limiter", limiter })),
    cacheWarmer.on("readiness:open", () => tell({ what: "readiness", readiness: cacheWarmer.readiness() })),
  ];

  return {
    read() {
      const { failures, ...metrics } = cacheWarmer.getMetrics();
      return {
        readiness: cacheWarmer.readiness(),
        runs,
        latest: {
          ...metrics,
          failures: failures.map(({ key, reason, attempts }) => ({ key, reason, attempts })),
        },
        totals: cacheWarmer.getTotals(),
        categories: cacheWarmer.getTasksByCategory(),
        tasks: WARMING_NAMES.map((name) => cacheWarmer.getTaskMetrics(name))
          .filter((task) => task !== undefined)
          // What went wrong in a query is for the log: it may name a host or a row.
          .map(({ lastError: _, ...task }) => task),
        hotKeys: cacheWarmer.hotKeys(20).map(({ key, reads }) => ({ key, reads })),
      };
    },
    follow(onEvent) {
      followers.add(onEvent);
      return () => void followers.delete(onEvent);
    },
    close() {
      for (const stop of stops) stop();
      followers.clear();
    },
  };
}
