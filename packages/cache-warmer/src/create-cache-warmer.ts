import {
  type Cache,
  InvalidFetcherError,
  InvalidOptionError,
  parseDuration,
  TypedEmitter,
} from "@crm/cache-core";
import type { CacheWarmer } from "./cache-warmer.ts";
import { WarmerClosedError } from "./errors.ts";
import { WARMER_EVENTS, type WarmerEvents } from "./events.ts";
import { checkSnapshot, type HotSnapshotKey } from "./hot-snapshot.ts";
import { BackgroundWarming } from "./internal/background-warming.ts";
import { checkFamily, checkTask } from "./internal/check-task.ts";
import { ExpiringKeys } from "./internal/expiring-keys.ts";
import { GradientLimiter } from "./internal/gradient-limiter.ts";
import { HotKeys } from "./internal/hot-keys.ts";
import { hotSet } from "./internal/hot-set.ts";
import { OriginWatch } from "./internal/origin-watch.ts";
import { ReadinessGate } from "./internal/readiness-gate.ts";
import { restoreSnapshot } from "./internal/restore-snapshot.ts";
import { retryDelay } from "./internal/retry-delay.ts";
import type { RunContext } from "./internal/run-plan.ts";
import { Runs } from "./internal/runs.ts";
import { beginStartup } from "./internal/startup.ts";
import { TaskBook } from "./internal/task-book.ts";
import { taskMetrics } from "./internal/task-metrics.ts";
import { settledAtOf, type TaskRecord } from "./internal/task-record.ts";
import { checkCategory, UsualSettings } from "./internal/task-settings.ts";
import {
  type CacheWarmerOptions,
  resolveRestoreOptions,
  resolveStartupOptions,
  resolveWarmerOptions,
  resolveWarmOptions,
  whole,
} from "./options.ts";
import type { WarmingFamily, WarmingTask } from "./warming-task.ts";

/**
 * Makes a warmer for a cache, or for a scope of one. Instances on the same namespace share the work.
 *
 * ```ts
 * const cacheWarmer = createCacheWarmer(cache);
 * cacheWarmer.register({ key: "companies:list", fetcher: findCompanies, ttl: 300, priority: 9, category: "companies" });
 * await cacheWarmer.warmAll({ parallel: true, maxParallel: 5 });
 * ```
 * @throws InvalidOptionError, InvalidDurationError
 */
export function createCacheWarmer(cache: Cache, options?: CacheWarmerOptions): CacheWarmer {
  if (typeof cache?.internals !== "object" || cache.internals === null) {
    const expected = "a cache made by `createCache`";
    throw new InvalidOptionError({ option: "cache", received: cache, expected });
  }
  const settings = resolveWarmerOptions(options);
  const { internals } = cache;
  const { clock, logger } = internals;
  const emitter = new TypedEmitter<WarmerEvents>(WARMER_EVENTS, (error) =>
    logger.error({ err: error }, "A listener of a warming event failed"),
  );
  const book = new TaskBook();
  const usual = new UsualSettings();
  const expiring = new ExpiringKeys(internals, book);
  const gate = new ReadinessGate(clock);
  const gauge = { inFlight: 0 };
  const limiter = settings.limiter === null ? null : new GradientLimiter(settings.limiter);
  const watch = limiter === null ? null : new OriginWatch(limiter, clock, emitter, gauge);
  const context: RunContext = {
    ...{ internals, settings, limiter, watch, emitter, gauge, expiring },
  };
  const runs = new Runs(cache, context);
  const background = new BackgroundWarming(context, book, runs);
  const hot = settings.hotKeys === null ? null : new HotKeys(cache, settings.hotKeys, book, emitter);
  const closing = new AbortController();
  const restoring = new Set<Promise<unknown>>();
  const warnedOf = new Set<string>();
  let closed = false;
  const stops = [
    cache.on("entry:set", ({ key }) => expiring.doubt(key)),
    cache.on("fill:stored", ({ key }) => expiring.doubt(key)),
    cache.on("invalidation:applied", ({ keys }) => {
      for (const key of keys) expiring.doubt(key);
    }),
  ];

  function assertOpen(): void {
    if (closed) throw new WarmerClosedError();
  }

  function add(record: TaskRecord): "added" | "replaced" {
    assertOpen();
    if (!book.add(record)) return "added";
    tellReplaced(record.name);
    return "replaced";
  }

  function tellReplaced(key: string): void {
    logger.warn({ key: key.slice(0, 80) }, "A warming task was registered again: the later one counts");
    emitter.emit("task:replaced", () => ({ key }));
  }

  /** The tasks to be run. Once for each it is told what they wait for that was never registered. */
  function tasks(category?: string): TaskRecord[] {
    const records = book.sorted(category);
    for (const key of book.unknownDependencies(records)) {
      if (warnedOf.has(key) || warnedOf.size >= 1_000) continue;
      warnedOf.add(key);
      logger.warn(
        { key: key.slice(0, 80) },
        "Nobody has registered what a warming task waits for: it does not wait",
      );
    }
    return records;
  }

  function hottest(count: number): HotSnapshotKey[] {
    if (hot !== null) return hotSet(hot, count, internals.prefix, (key) => expiring.familyOf(key));
    throw new InvalidOptionError({
      ...{ option: "hotKeys", received: false, expected: "true, or an object with its settings" },
      advice: "Reads are only counted when `createCacheWarmer` is told so.",
    });
  }

  return {
    register: (task) => add(checkTask(task as WarmingTask, usual)),
    registerBatch(list) {
      if (!Array.isArray(list)) {
        throw new InvalidOptionError({ option: "tasks", received: list, expected: "an array of tasks" });
      }
      assertOpen();
      for (const key of book.addAll(list.length, (n) => checkTask(list[n], usual))) tellReplaced(key);
    },
    registerFamily: (family) => add(checkFamily(family as WarmingFamily)),
    unregister(name) {
      const record = book.remove(name);
      if (record !== undefined) expiring.forgetAll(record);
      return record !== undefined;
    },

    async warmAll(given) {
      assertOpen();
      return runs.start("all", tasks(), resolveWarmOptions(given, settings));
    },
    async warmCategory(category, given) {
      assertOpen();
      const records = tasks(checkCategory(category));
      return runs.start("category", records, resolveWarmOptions(given, settings));
    },
    async warmExpiringSoon(seconds, given) {
      assertOpen();
      const withinMs = parseDuration(seconds, "seconds");
      const resolved = resolveWarmOptions(given, settings);
      const due = await expiring.due(withinMs);
      assertOpen();
      // The store's clock is estimated, and may lag: what this instance has done before is no news either.
      const lookedAt = (record: TaskRecord): number => Math.max(due.lookedAt, settledAtOf(record));
      return runs.start("expiring", due.records, resolved, {
        // Whoever has loaded it since we looked has done it.
        maxAgeOf: () => Number.MAX_SAFE_INTEGER / 16,
        sinceOf: lookedAt,
        newerThanOf: (record, began) => Math.min(began, lookedAt(record)),
        only: due.keys,
      });
    },
    async performStartupWarming(given) {
      assertOpen();
      const resolved = resolveStartupOptions(given, settings);
      return beginStartup(context, runs, gate, tasks(), resolved, given?.maxAge !== undefined);
    },

    startBackgroundWarming(schedule) {
      assertOpen();
      background.start(schedule);
    },
    stopBackgroundWarming: () => background.stop(),

    getMetrics: () => runs.metrics(),
    getTotals: () => ({
      ...runs.totals(),
      hotRefreshes: hot?.figures.refreshed ?? 0,
      hotFound: hot?.figures.found ?? 0,
      hotFailures: hot?.figures.failed ?? 0,
    }),
    getTaskMetrics(name) {
      const record = book.get(name);
      return record === undefined ? undefined : taskMetrics(record);
    },
    getTasksByCategory: () => book.countByCategory(),

    hotKeys: (count = settings.hotKeys?.top ?? 100) => hottest(whole("count", count, 1, 10_000)),
    snapshot() {
      const keys = hottest(settings.hotKeys?.remembered ?? 0);
      return { version: 1, takenAt: new Date(clock.wall()).toISOString(), keys };
    },
    async restore(snapshot, given) {
      assertOpen();
      const checked = checkSnapshot(snapshot);
      const resolved = resolveRestoreOptions(given, settings);
      const { maxParallel, timeoutMs, retries } = resolved;
      const { batchFetcher, ttl, batchSize = 100 } = given ?? {};
      if (batchFetcher !== undefined && typeof batchFetcher !== "function") {
        throw new InvalidFetcherError({ received: batchFetcher, parameter: "batchFetcher" });
      }
      if (ttl !== undefined) parseDuration(ttl, "ttl");
      const request = {
        ...{ cache, book, hot, snapshot: checked, batchFetcher, ttl, timeoutMs, retries, gauge },
        batchSize: whole("batchSize", batchSize, 1, 1_000),
        signal: AbortSignal.any([
          closing.signal,
          ...(resolved.signal === undefined ? [] : [resolved.signal]),
        ]),
        limit: () => (limiter === null ? maxParallel : Math.min(maxParallel, limiter.limit)),
        time: (name: string, category: string) => watch?.begin(name, category),
        delayBefore: (attempt: number) => retryDelay(settings.retryDelayMs, attempt, internals.random),
      };
      runs.fitLimiter(maxParallel);
      const work = restoreSnapshot(request);
      restoring.add(work);
      return work.finally(() => restoring.delete(work));
    },

    readiness: () => gate.state,
    whenReady: () => gate.whenOpen(),

    on: (event, handler) => emitter.on(event, handler),
    async close() {
      if (closed) return;
      closed = true;
      for (const stop of stops) stop();
      background.cancel();
      hot?.close();
      closing.abort(new WarmerClosedError());
      // Before its runs end: a process that is closed is not ready.
      gate.close();
      await runs.close((run) => background.owns(run));
      await Promise.allSettled(restoring);
    },
  };
}
