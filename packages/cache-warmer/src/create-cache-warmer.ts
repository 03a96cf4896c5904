import {
  type Cache,
  CacheClosedError,
  InvalidFetcherError,
  InvalidOptionError,
  parseDuration,
} from "@crm/cache-core";
import type { CacheWarmer } from "./cache-warmer.ts";
import { WarmerClosedError } from "./errors.ts";
import type { RunKind, WarmerEvents } from "./events.ts";
import { checkSnapshot, type HotSnapshotKey } from "./hot-snapshot.ts";
import { Emitter } from "./internal/emitter.ts";
import { ExpiryIndex } from "./internal/expiry-index.ts";
import { GradientLimiter } from "./internal/gradient-limiter.ts";
import { HotKeys } from "./internal/hot-keys.ts";
import { Ledger } from "./internal/ledger.ts";
import { ReadinessGate } from "./internal/readiness-gate.ts";
import { restoreSnapshot } from "./internal/restore-snapshot.ts";
import { Run } from "./internal/run.ts";
import { noMetrics } from "./internal/run-figures.ts";
import type { RunContext, RunPlan } from "./internal/run-plan.ts";
import { nextDelayOf, repeat } from "./internal/schedule.ts";
import { checkCategory, checkFamily, checkTask, TaskBook } from "./internal/task-book.ts";
import type { TaskRecord } from "./internal/task-record.ts";
import type { TaskMetrics, WarmingMetrics } from "./metrics.ts";
import {
  type BackgroundOptions,
  type CacheWarmerOptions,
  checkObject,
  DEFAULTS,
  type ResolvedWarmOptions,
  resolveWarmerOptions,
  resolveWarmOptions,
  type WarmOptions,
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
  if (typeof cache?.internals !== "object") {
    throw new InvalidOptionError({
      option: "cache",
      received: cache,
      expected: "a cache made by `createCache`",
    });
  }
  const settings = resolveWarmerOptions(options);
  const { internals } = cache;
  const { clock, logger, instance } = internals;
  const emitter = new Emitter<WarmerEvents>((error) =>
    logger.error({ err: error }, "A listener of a warming event threw"),
  );
  const book = new TaskBook();
  const index = new ExpiryIndex();
  const gate = new ReadinessGate(clock);
  const gauge = { inFlight: 0 };
  const limiter = settings.limiter === null ? null : new GradientLimiter(settings.limiter);
  const running = new Set<Run>();
  const schedules = new Map<string, () => void>();
  const background = new Map<string, Run>();
  const context: RunContext = {
    ...{ internals, settings, limiter, emitter, gauge },
    onFresh(record, key, freshUntil) {
      if (record.family === undefined) {
        if (book.get(key) !== record) return;
        record.indexed = true;
      }
      index.set(record, key, freshUntil);
    },
  };
  const hot = settings.hotKeys === null ? null : new HotKeys(cache, settings.hotKeys, book, emitter);
  const closing = new AbortController();
  const restoring = new Set<Promise<unknown>>();
  let runs = 0;
  let latest: Run | undefined;
  let closed = false;
  const totals = { successful: 0, failed: 0, skipped: 0, retries: 0, keys: 0, bytes: 0 };

  /** Somebody else wrote, filled or removed the key: what the index knows of it may be wrong. */
  function doubt(key: string): void {
    const record = book.get(key);
    if (record?.indexed === true) book.doubt(record);
  }
  const stops = [
    cache.on("entry:set", ({ key }) => doubt(key)),
    cache.on("fill:stored", ({ key }) => doubt(key)),
    cache.on("invalidation:applied", ({ keys }) => keys.forEach(doubt)),
  ];

  function startRun(
    kind: RunKind,
    records: readonly TaskRecord[],
    resolved: ResolvedWarmOptions,
    rules: Partial<Pick<RunPlan, "maxAgeOf" | "sinceOf" | "newerThanOf" | "only">> = {},
  ): Run {
    const id = ++runs;
    const plan: RunPlan = {
      ...{ id, kind, records, options: resolved },
      maxAgeOf: rules.maxAgeOf ?? (() => resolved.maxAgeMs),
      sinceOf: rules.sinceOf ?? ((record) => record.settledAt),
      newerThanOf: rules.newerThanOf ?? ((_, began) => began),
      only: rules.only,
    };
    const run = new Run(context, plan, new Ledger(cache, `${instance}.${id}`, settings.leaseMs));
    running.add(run);
    latest = run;
    limiter?.fit(Math.max(...[...running].map((each) => each.maxParallel)));
    const ended = (): void => {
      running.delete(run);
      const { figures } = run;
      totals.successful += figures.successful;
      totals.failed += figures.failed;
      totals.skipped += figures.skipped;
      totals.retries += figures.retries;
      totals.keys += figures.keys;
      totals.bytes += figures.bytes;
      if (figures.failed > 0) {
        const { total, failed } = figures;
        logger.warn({ kind, total, failed }, "Some warming tasks have failed");
      }
    };
    run.result.then(ended, ended);
    return run;
  }

  function assertOpen(): void {
    if (closed) throw new WarmerClosedError();
  }

  function add(records: readonly TaskRecord[]): boolean {
    assertOpen();
    const replaced = book.add(records);
    for (const key of replaced) {
      logger.warn({ key: key.slice(0, 80) }, "A warming task was registered again: the later one counts");
      emitter.emit("task:replaced", () => ({ key }));
    }
    return replaced.length > 0;
  }

  async function warmAll(given?: WarmOptions): Promise<WarmingMetrics> {
    assertOpen();
    const run = startRun("all", book.sorted(), resolveWarmOptions(given, settings));
    run.start();
    return run.result;
  }

  return {
    register: (task) => (add([checkTask(task as WarmingTask)]) ? "replaced" : "added"),
    registerBatch(tasks) {
      if (!Array.isArray(tasks)) {
        throw new InvalidOptionError({ option: "tasks", received: tasks, expected: "an array of tasks" });
      }
      const known = new Set<string>();
      add(tasks.map((task) => checkTask(task, known)));
    },
    registerFamily: (family) => (add([checkFamily(family as WarmingFamily)]) ? "replaced" : "added"),
    unregister(name) {
      const record = book.remove(name);
      if (record !== undefined) index.delete(name);
      return record !== undefined;
    },

    warmAll,
    async warmCategory(category, given) {
      assertOpen();
      const records = book.sorted(checkCategory(category));
      const run = startRun("category", records, resolveWarmOptions(given, settings));
      run.start();
      return run.result;
    },
    async warmExpiringSoon(seconds, given) {
      assertOpen();
      const withinMs = parseDuration(seconds, "seconds");
      const resolved = resolveWarmOptions(given, settings);
      await learnExpiries();
      assertOpen();
      const now = internals.store.serverNow(internals.keys.entry(`${internals.prefix}x`));
      const due = index.takeDue(now + withinMs);
      const only = new Map<TaskRecord, string[]>();
      for (const entry of due) {
        const { record, key } = entry;
        const current = book.get(record.name);
        if (current === undefined) continue;
        // In its place until the load says otherwise, so that what fails is due again.
        index.set(current, key, entry.freshUntil);
        const keys = only.get(current);
        if (keys === undefined) only.set(current, [key]);
        else keys.push(key);
      }
      // The store's clock is estimated, and may lag: what this instance has done before is no news either.
      const lookedAt = (record: TaskRecord): number => Math.max(now, record.settledAt);
      const records = [...only.keys()].sort((a, b) => b.priority - a.priority);
      const run = startRun("expiring", records, resolved, {
        // Whoever has loaded it since we looked has done it.
        maxAgeOf: () => Number.MAX_SAFE_INTEGER / 16,
        sinceOf: lookedAt,
        newerThanOf: (record, began) => Math.min(began, lookedAt(record)),
        only,
      });
      run.start();
      return run.result;
    },
    async performStartupWarming(given) {
      assertOpen();
      const resolved = resolveWarmOptions(given, settings);
      const readyAt = whole("readyAt", given?.readyAt ?? DEFAULTS.readyAt, 1, 10);
      const deadlineMs = parseDuration(given?.deadline ?? DEFAULTS.deadline, "deadline");
      const halfLife = (record: TaskRecord): number =>
        given?.maxAge === undefined ? record.ttlMs / 2 : resolved.maxAgeMs;
      const run = startRun("startup", book.sorted(), resolved, {
        maxAgeOf: halfLife,
        newerThanOf: (record, began, now) => Math.min(began, now - halfLife(record)),
      });
      gate.begin(
        readyAt,
        deadlineMs,
        () => run.remaining(readyAt),
        ({ reason, remaining, openedAfter }) => {
          const fields = { readyAt, remaining, openedAfter };
          if (reason === "deadline")
            logger.warn(fields, "Ready by deadline: some urgent tasks are not warm yet");
          else logger.info(fields, "Ready: the urgent tasks have ended");
          emitter.emit("readiness:open", () => ({ reason: reason as "warmed" | "deadline", remaining }));
        },
      );
      run.start(() => gate.look());
      return run.result;
    },

    startBackgroundWarming(schedule) {
      assertOpen();
      if (typeof schedule !== "number") checkObject("schedule", schedule ?? null);
      const given: BackgroundOptions = typeof schedule === "number" ? { minutes: schedule } : schedule;
      const nextDelay = nextDelayOf(given, clock);
      const resolved = resolveWarmOptions(given, settings);
      const category = given.category === undefined ? undefined : checkCategory(given.category);
      const name = category ?? "";
      schedules.get(name)?.();
      const stop = repeat(clock, nextDelay, () => {
        if (background.has(name)) {
          emitter.emit("background:skipped", () => ({ category }));
          return;
        }
        const betweenMs = safely(nextDelay);
        const maxAgeMs = given.maxAge === undefined ? betweenMs * 0.9 : resolved.maxAgeMs;
        const run = startRun("background", book.sorted(category), { ...resolved, maxAgeMs });
        background.set(name, run);
        const ended = (): void => void background.delete(name);
        run.result.then(ended, (error) => {
          ended();
          logger.error({ err: error }, "A background run of the warmer failed");
        });
        run.start();
      });
      schedules.set(name, stop);
    },
    async stopBackgroundWarming() {
      for (const stop of schedules.values()) stop();
      schedules.clear();
      const under = [...background.values()];
      for (const run of under) run.abort(new WarmerClosedError(), true);
      await Promise.allSettled(under.map((run) => run.result));
    },

    getMetrics() {
      const state = limiter?.state ?? null;
      return latest === undefined
        ? noMetrics(gauge.inFlight, state)
        : latest.figures.metrics(gauge.inFlight, state);
    },
    getTotals() {
      return {
        runs,
        successfulTasks: totals.successful,
        failedTasks: totals.failed,
        skippedTasks: totals.skipped,
        retries: totals.retries,
        keysWarmed: totals.keys,
        bytesWarmed: totals.bytes,
        hotRefreshes: hot?.figures.refreshed ?? 0,
        hotFound: hot?.figures.found ?? 0,
        hotFailures: hot?.figures.failed ?? 0,
      };
    },
    getTaskMetrics(name) {
      const record = book.get(name);
      if (record === undefined) return undefined;
      const { category, priority, report } = record;
      const [runsOf, successes, failures] = [
        report?.runs ?? 0,
        report?.successes ?? 0,
        report?.failures ?? 0,
      ];
      return {
        ...{ key: name, category, priority, runs: runsOf, successes, failures },
        skips: report?.skips ?? 0,
        retries: report?.retries ?? 0,
        lastOutcome: (report?.lastOutcome ?? "") === "" ? null : (report?.lastOutcome as "success"),
        lastReason: (report?.lastReason ?? null) as TaskMetrics["lastReason"],
        lastError: report?.lastError,
        lastDuration: report?.lastDurationMs ?? 0,
        bytes: report?.bytes ?? 0,
      };
    },
    getTasksByCategory: () => book.countByCategory(),

    hotKeys(count = settings.hotKeys?.top ?? 100) {
      return hotOrThrow().slice(0, whole("count", count, 1, 10_000));
    },
    snapshot() {
      return { version: 1, takenAt: new Date(clock.wall()).toISOString(), keys: hotOrThrow() };
    },
    async restore(snapshot, given) {
      assertOpen();
      const checked = checkSnapshot(snapshot);
      const { maxParallel, timeoutMs, retries, signal } = resolveWarmOptions(given, settings);
      const { batchFetcher, ttl, batchSize = 100 } = given ?? {};
      if (batchFetcher !== undefined && typeof batchFetcher !== "function") {
        throw new InvalidFetcherError({ received: batchFetcher, parameter: "batchFetcher" });
      }
      if (ttl !== undefined) parseDuration(ttl, "ttl");
      limiter?.fit(Math.max(maxParallel, ...[...running].map((run) => run.maxParallel)));
      const work = restoreSnapshot({
        ...{ cache, book, hot, snapshot: checked, batchFetcher, ttl, timeoutMs, retries, signal, gauge },
        batchSize: whole("batchSize", batchSize, 1, 1_000),
        closing: closing.signal,
        limit: () => (limiter === null ? maxParallel : Math.min(maxParallel, limiter.limit)),
        report(name, category, durationMs) {
          if (limiter?.report(name, category, durationMs, gauge.inFlight, clock.monotonic())) {
            emitter.emit("limiter:window", () => limiter.state);
          }
        },
        pause: (attempt) =>
          new Promise((resolve) => {
            clock.after(settings.retryDelayMs * 2 ** (attempt - 1) * (0.5 + internals.random() / 2), resolve);
          }),
      });
      restoring.add(work);
      return work.finally(() => restoring.delete(work));
    },

    readiness: () => gate.state,
    whenReady: () => gate.whenOpen(),

    on: (event, handler) => emitter.on(event, handler),
    async close() {
      if (closed) return;
      closed = true;
      for (const stop of [...stops, ...schedules.values()]) stop();
      schedules.clear();
      hot?.close();
      closing.abort(new WarmerClosedError());
      const under = [...running];
      const quiet = new Set(background.values());
      for (const run of under) run.abort(new WarmerClosedError(), quiet.has(run));
      gate.close();
      await Promise.allSettled([...under.map((run) => run.result), ...restoring]);
    },
  };

  function hotOrThrow(): HotSnapshotKey[] {
    if (hot === null) {
      throw new InvalidOptionError({
        ...{ option: "hotKeys", received: false, expected: "true, or an object with its settings" },
        advice: "Reads are only counted when `createCacheWarmer` is told so.",
      });
    }
    return hot.sketch.top(settings.hotKeys?.remembered ?? 0).map(({ key: { name, key }, reads }) => {
      const scope = scopeNames(name.slice(internals.prefix.length, name.length - key.length));
      const family = scope.length === 0 ? index.get(key)?.record : undefined;
      return {
        ...{ key, reads },
        ...(scope.length === 0 ? {} : { scope }),
        ...(family?.family === undefined ? {} : { family: family.name }),
      };
    });
  }

  /** Asks the store about tasks that the index does not know: once each, until somebody changes them. */
  async function learnExpiries(): Promise<void> {
    const unknown = book.takeDoubted();
    if (unknown.length === 0) return;
    try {
      const times = await internals.times(unknown.map(({ name }) => name));
      unknown.forEach((record, at) => {
        const entry = times[at];
        if (entry == null) index.delete(record.name);
        else context.onFresh(record, record.name, entry.freshUntil);
      });
    } catch (error) {
      for (const record of unknown) book.doubt(record);
      if (CacheClosedError.isInstance(error)) throw error;
      logger.warn({ err: error }, "The store did not say when entries expire; what is known is used");
    }
  }
}

/** The names in what a nested scope puts before keys. */
function scopeNames(prefix: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they part the names of scopes.
  return prefix.split(/[\u001e\u001f]/).filter((name) => name !== "");
}

function safely(nextDelay: () => number): number {
  try {
    return nextDelay();
  } catch {
    return 0;
  }
}
