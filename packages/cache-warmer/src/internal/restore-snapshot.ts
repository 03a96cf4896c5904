import type {
  BatchFetcher,
  Cache,
  CacheInternals,
  Duration,
  Fetcher,
  GetOrSetOptions,
  RefillResult,
} from "@crm/cache-core";
import type { HotSnapshot, HotSnapshotKey, RestoreResult } from "../hot-snapshot.ts";
import type { LoadEnd } from "./gradient-limiter.ts";
import type { HotKeys } from "./hot-keys.ts";
import { inTime } from "./in-time.ts";
import { WAIT_MS } from "./load-task.ts";
import { RunTimers } from "./run-timers.ts";
import type { TaskBook } from "./task-book.ts";
import { ttlOf } from "./task-record.ts";

export interface RestoreRequest {
  readonly cache: Cache;
  readonly book: TaskBook;
  readonly hot: HotKeys | null;
  readonly snapshot: HotSnapshot;
  readonly batchFetcher: BatchFetcher<unknown> | undefined;
  readonly ttl: Duration | undefined;
  readonly batchSize: number;
  readonly timeoutMs: number;
  readonly retries: number;
  /** Aborts when the caller gives up, and when the warmer is closed. */
  readonly signal: AbortSignal;
  /** How many loads may be in flight now. */
  readonly limit: () => number;
  readonly gauge: { inFlight: number };
  /** A call begins; call what is returned when it has ended. */
  readonly time: (name: string, category: string) => ((how?: LoadEnd) => void) | undefined;
  /** Ms to wait before the next attempt. */
  readonly delayBefore: (attempt: number) => number;
}

/** One call of a fetcher, for one key or for a batch. */
interface Unit {
  readonly name: string;
  readonly category: string;
  readonly keys: number;
  load(): Promise<readonly RefillResult[]>;
}

/** Any fresh entry is left as it is. */
const ANY = -1;

/** Loads the keys of a snapshot that are missing, most read first. Rejects with the reason of the signal. */
export async function restoreSnapshot(request: RestoreRequest): Promise<RestoreResult> {
  const { cache, signal, limit, gauge, retries } = request;
  const { clock, logger } = cache.internals;
  const began = clock.monotonic();
  signal.throwIfAborted();
  const { units, skipped } = planUnits(request);
  const counts = { restored: 0, found: 0, skipped, failed: 0 };
  const timers = new RunTimers(clock);
  let next = 0;
  let wake: () => void = () => {};
  let active = 0;
  let failure: { readonly error: unknown } | undefined;

  async function work(unit: Unit): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const end = request.time(unit.name, unit.category);
      try {
        const results = await unit.load();
        const loaded = results.some(({ outcome }) => outcome !== "found" && outcome !== "held");
        end?.(loaded ? "loaded" : "found");
        if (results.every(({ outcome }) => outcome === "unavailable") && attempt <= retries) {
          if (await timers.pause(request.delayBefore(attempt))) continue;
        }
        for (const { outcome, error } of results) {
          if (outcome === "failed") failure ??= { error };
          if (outcome === "stored") counts.restored++;
          else if (outcome === "found" || outcome === "held") counts.found++;
          else if (outcome === "empty" || outcome === "refused") counts.skipped++;
          else counts.failed++;
        }
        return;
      } catch (error) {
        end?.("failed");
        if (attempt <= retries && (await timers.pause(request.delayBefore(attempt)))) continue;
        failure ??= { error };
        counts.failed += unit.keys;
        return;
      }
    }
  }

  const onAbort = (): void => wake();
  signal.addEventListener("abort", onAbort, { once: true });
  // Somebody waits for its end, and what it waits for itself may be a timer.
  timers.holdProcess();
  try {
    while (next < units.length || active > 0) {
      signal.throwIfAborted();
      while (next < units.length && gauge.inFlight < limit()) {
        active++;
        gauge.inFlight++;
        void work(units[next++] as Unit).finally(() => {
          active--;
          gauge.inFlight--;
          wake();
        });
      }
      await new Promise<void>((resolve) => {
        wake = resolve;
        // Others in this process may have what we wait for.
        if (active === 0) timers.poll(20, () => wake());
      });
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    timers.stop();
  }
  const total = request.snapshot.keys.length;
  const { failed } = counts;
  if (failed > 0) {
    logger.warn({ err: failure?.error, total, failed }, "Some keys of a snapshot could not be restored");
  }
  return {
    ...{ total, ...counts },
    totalTime: Math.round(clock.monotonic() - began),
  };
}

/** Puts together what one call can bring, keeping the order of the ranking. */
function planUnits(request: RestoreRequest): { units: Unit[]; skipped: number } {
  const { cache, book, hot, batchSize, snapshot } = request;
  const scopes = new Map<string, Cache>();
  const batches = new Map<string, string[]>();
  const units: Unit[] = [];
  let skipped = 0;
  for (const entry of snapshot.keys) {
    const home = homeOf(cache, scopes, entry);
    if (home === undefined) {
      skipped++;
      continue;
    }
    const seeded = hot?.seed(home, entry.key, entry.reads);
    const { internals } = home;
    const record = internals.prefix === cache.internals.prefix ? book.get(entry.key) : undefined;
    const family = entry.family === undefined ? undefined : book.get(entry.family);
    if (record?.fetcher !== undefined) {
      const options = { ...record.settings.entry, ttl: ttlOf(record) } as GetOrSetOptions<unknown>;
      units.push(
        single(
          request,
          internals,
          entry.key,
          record.fetcher as Fetcher<unknown>,
          options,
          record.settings.category,
        ),
      );
    } else if (family?.settings.family !== undefined) {
      const { entry: entryOptions, category } = family.settings;
      const { batchFetcher } = family.settings.family;
      const options = { ...entryOptions, ttl: ttlOf(family) } as GetOrSetOptions<unknown>;
      add(`${internals.prefix}f${family.name}`, entry.key, internals, batchFetcher, options, category);
    } else if (seeded?.fetcher !== undefined) {
      units.push(single(request, internals, entry.key, seeded.fetcher, seeded.options, "hot"));
    } else if (request.batchFetcher !== undefined) {
      add(`${internals.prefix}g`, entry.key, internals, request.batchFetcher, { ttl: request.ttl }, "hot");
    } else skipped++;
  }
  return { units, skipped };

  function add(
    name: string,
    key: string,
    internals: CacheInternals,
    fetcher: BatchFetcher<unknown>,
    options: GetOrSetOptions<unknown>,
    category: string,
  ): void {
    const open = batches.get(name);
    if (open !== undefined && open.length < batchSize) {
      open.push(key);
      return;
    }
    // Its keys are added as they come: it is loaded when all are known.
    const keys = [key];
    batches.set(name, keys);
    const { clock } = request.cache.internals;
    const { timeoutMs, signal } = request;
    const all = timed(options, timeoutMs);
    const called: BatchFetcher<unknown> = (wanted, context) =>
      fetcher(wanted, { signal: AbortSignal.any([context.signal, signal]) });
    const limit = { clock, ms: timeoutMs + WAIT_MS, key, signal };
    units.push({
      name,
      category,
      get keys() {
        return keys.length;
      },
      load: () =>
        inTime(internals.refillMany({ keys, fetcher: called, options: all, newerThan: ANY }), limit),
    });
  }
}

function single(
  request: RestoreRequest,
  internals: CacheInternals,
  key: string,
  fetcher: Fetcher<unknown>,
  options: Duration | GetOrSetOptions<unknown> | undefined,
  category: string,
): Unit {
  const all = timed(options, request.timeoutMs);
  const { signal } = request;
  return {
    ...{ name: key, category, keys: 1 },
    load: async () => [await internals.refill({ key, fetcher, options: all, newerThan: ANY, signal })],
  };
}

function timed(
  options: Duration | GetOrSetOptions<unknown> | undefined,
  timeoutMs: number,
): GetOrSetOptions<unknown> {
  const given = typeof options === "object" ? options : options === undefined ? {} : { ttl: options };
  return { ...given, hardTimeout: given.hardTimeout ?? `${timeoutMs}ms` };
}

/** The cache or scope that a key of a snapshot lies in; `undefined` when its name or its key cannot be. */
function homeOf(cache: Cache, scopes: Map<string, Cache>, entry: HotSnapshotKey): Cache | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\u0000-\u001f\u007f-\u009f]|\p{Cs}/u.test(entry.key) || Buffer.byteLength(entry.key) > 1_024)
    return undefined;
  const { scope = [] } = entry;
  const name = JSON.stringify(scope);
  const known = scopes.get(name);
  if (known !== undefined) return known;
  try {
    const home = scope.reduce<Cache>((outer, inner) => outer.scope(inner), cache);
    scopes.set(name, home);
    return home;
  } catch {
    return undefined;
  }
}
