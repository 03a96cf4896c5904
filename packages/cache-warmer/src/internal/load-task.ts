import {
  type BatchFetcher,
  type CacheInternals,
  type Clock,
  type Duration,
  type FetchContext,
  FetchTimeoutError,
  type GetOrSetOptions,
  type RefillOutcome,
} from "@crm/cache-core";
import type { TaskRecord } from "./task-record.ts";

/** How a load ended, if it did not throw. */
export interface LoadResult {
  readonly outcome: RefillOutcome;
  readonly keys: number;
  readonly bytes: number;
}

export interface LoadRequest {
  readonly internals: CacheInternals;
  readonly clock: Clock;
  readonly record: TaskRecord;
  readonly timeoutMs: number;
  /** Fresh entries made later than this (ms of the store's clock) stay as they are. */
  readonly newerThan: number;
  /** Aborts with the run. */
  readonly signal: AbortSignal;
  /** Told of each key that is fresh now, and until when. */
  readonly onFresh: (record: TaskRecord, key: string, freshUntil: number) => void;
}

export interface FamilyRequest extends LoadRequest {
  /** Only these keys. @default all */
  readonly only: readonly string[] | undefined;
  /** A batch has ended, after so many ms. */
  readonly onBatch: (durationMs: number) => void;
  /** A batch has failed for the nth time: resolves after a pause when it is to be tried again, else to false. */
  readonly again: (attempt: number, error: unknown) => Promise<boolean>;
}

/** Beyond the fetcher's timeout: for waiting until somebody else's fill of the key has ended. */
const WAIT_MS = 2_000;

/** Loads one task once, through the fenced fill. Rejects with the fetcher's error, or at the timeout. */
export async function loadTask(request: LoadRequest): Promise<LoadResult> {
  const { internals, record, timeoutMs, newerThan, signal } = request;
  const fetcher = record.fetcher as (context: FetchContext<unknown>) => unknown;
  const work = internals.refill<unknown>({
    key: record.name,
    fetcher: (context) => fetcher(withSignal(context, signal)),
    options: entryOptions(record, timeoutMs),
    newerThan,
  });
  const result = await inTime(work, timeoutMs + WAIT_MS, record.name, request.clock);
  if (result.freshUntil > 0) request.onFresh(record, record.name, result.freshUntil);
  const stored = result.outcome === "stored";
  return { outcome: result.outcome, keys: stored ? 1 : 0, bytes: result.bytes };
}

/** Loads the keys of a family, batch after batch. Rejects with the first error when all have been tried. */
export async function loadFamily(request: FamilyRequest): Promise<LoadResult> {
  const { record, signal, clock, timeoutMs } = request;
  const { batchSize, keys: listKeys } = record.family as NonNullable<TaskRecord["family"]>;
  let [keys, bytes, refused, found] = [0, 0, 0, 0];
  let failure: { readonly error: unknown } | undefined;

  async function load(batch: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        const results = await loadBatch(request, batch);
        for (const [at, { outcome, bytes: size, freshUntil, error }] of results.entries()) {
          if (freshUntil > 0) request.onFresh(record, batch[at] as string, freshUntil);
          if (outcome === "stored") [keys, bytes] = [keys + 1, bytes + size];
          else if (outcome === "refused") refused++;
          else if (outcome === "found" || outcome === "held") found++;
          else if (outcome === "failed") failure ??= { error };
        }
        return;
      } catch (error) {
        if (signal.aborted || !(await request.again(attempt, error))) {
          failure ??= { error };
          return;
        }
      }
    }
  }

  let batch: string[] = [];
  for await (const key of inTimeEach(request.only ?? listKeys({ signal }), record.name, clock, timeoutMs)) {
    if (signal.aborted) break;
    batch.push(key);
    if (batch.length < batchSize) continue;
    await load(batch);
    batch = [];
  }
  if (batch.length > 0 && !signal.aborted) await load(batch);
  if (failure !== undefined) throw failure.error;
  const outcome = keys > 0 ? "stored" : refused > 0 ? "refused" : found > 0 ? "found" : "empty";
  return { outcome, keys, bytes };
}

async function loadBatch(
  request: FamilyRequest,
  keys: readonly string[],
): Promise<Awaited<ReturnType<CacheInternals["refillMany"]>>> {
  const { internals, record, timeoutMs, newerThan, signal, clock } = request;
  const { batchFetcher } = record.family as NonNullable<TaskRecord["family"]>;
  let began: number | undefined;
  const timed: BatchFetcher<unknown> = (wanted, context) => {
    began = clock.monotonic();
    return batchFetcher(wanted, { signal: AbortSignal.any([context.signal, signal]) });
  };
  try {
    const options = entryOptions(record, timeoutMs);
    const work = internals.refillMany({ keys, fetcher: timed, options, newerThan });
    return await inTime(work, timeoutMs + WAIT_MS, record.name, clock);
  } finally {
    if (began !== undefined) request.onBatch(clock.monotonic() - began);
  }
}

function entryOptions(record: TaskRecord, timeoutMs: number): GetOrSetOptions<never> {
  const hardTimeout: Duration = `${timeoutMs}ms`;
  return { ...record.entry, ttl: record.ttl, hardTimeout };
}

/** The context of a fetcher with a signal that also aborts with the run; made only for a fetcher that looks at it. */
function withSignal(context: FetchContext<unknown>, signal: AbortSignal): FetchContext<unknown> {
  let both: AbortSignal | undefined;
  return {
    key: context.key,
    previous: context.previous,
    setTtl: context.setTtl,
    addTags: context.addTags,
    skipStore: context.skipStore,
    get signal() {
      both ??= AbortSignal.any([context.signal, signal]);
      return both;
    },
  };
}

async function inTime<T>(work: Promise<T>, ms: number, key: string, clock: Clock): Promise<T> {
  let cancel: () => void = () => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => reject(new FetchTimeoutError({ key, timeoutMs: ms })));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
    // What it ends with later interests nobody any more.
    work.catch(() => {});
  }
}

/** The keys, each of which has to come in time; a source that is left early is told so, and not waited for. */
async function* inTimeEach(
  keys: AsyncIterable<string> | Iterable<string>,
  name: string,
  clock: Clock,
  timeoutMs: number,
): AsyncGenerator<string> {
  if (!(Symbol.asyncIterator in keys)) {
    yield* keys;
    return;
  }
  const iterator = keys[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await inTime(Promise.resolve(iterator.next()), timeoutMs, name, clock);
      if (next.done === true) break;
      yield next.value;
    }
    ended = true;
  } finally {
    if (!ended) Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
