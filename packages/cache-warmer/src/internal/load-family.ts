import { type BatchFetcher, checkKey, type RefillResult, StoreUnavailableError } from "@crm/cache-core";
import type { KeyListing } from "./expiring-keys.ts";
import { familyKeys } from "./family-keys.ts";
import type { LoadEnd } from "./gradient-limiter.ts";
import { inTime } from "./in-time.ts";
import { entryOptions, type LoadRequest, type LoadResult, sinceOf, WAIT_MS } from "./load-task.ts";
import type { FamilySettings } from "./task-settings.ts";

export interface FamilyRequest extends LoadRequest {
  /** Only these keys. @default all */
  readonly only: readonly string[] | undefined;
  /** A batch is being asked for; call what is returned when it has ended. */
  readonly onBatch: () => ((how?: LoadEnd) => void) | undefined;
  /** Told of each key that is fresh now, and until when. */
  readonly onFresh: (key: string, freshUntil: number) => void;
  /** It begins to list its keys. */
  readonly onList: () => KeyListing;
  /** The source knows nothing of a key. */
  readonly onEmpty: (key: string) => void;
  /** Resolves after so many ms to whether the run still goes on. */
  readonly pause: (ms: number) => Promise<boolean>;
  /** A batch, or the list of keys, has failed for the nth time: resolves after a pause when it is to be tried again, else to false. */
  readonly again: (attempt: number, error: unknown) => Promise<boolean>;
}

/** Pauses before keys that others were loading are looked at again; together longer than who stalls or dies keeps a key, 3 s by default. */
const LOOK_AGAIN_MS = [0, 250, 500, 1_000, 2_000];

/** Loads the keys of a family, batch after batch. What fails is told when all have been tried. */
export async function loadFamily(request: FamilyRequest): Promise<LoadResult> {
  const { signal } = request;
  const counts = { stored: 0, bytes: 0, refused: 0, found: 0 };
  let failure: { readonly error: unknown } | undefined;
  /** Keys that somebody else was loading. */
  let held: string[] = [];

  async function load(batch: readonly string[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        if (batch.length === 0) return;
        const newerThan = sinceOf(request.newerThan, attempt);
        const results = await loadBatch({ ...request, newerThan }, batch);
        for (const [at, result] of results.entries()) note(batch[at] as string, result);
        if (!results.some(({ outcome }) => outcome === "unavailable")) return;
        throw new StoreUnavailableError({ operation: "refill", reason: "error" });
      } catch (error) {
        if (await mayRepeat(attempt, error)) continue;
        return;
      } finally {
        // Where store and source answer at once a long family would keep everything else waiting.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
    }
  }

  function note(key: string, { outcome, bytes, freshUntil, error }: RefillResult): void {
    if (freshUntil > 0) request.onFresh(key, freshUntil);
    if (outcome === "empty") request.onEmpty(key);
    if (outcome === "stored") {
      counts.stored++;
      counts.bytes += bytes;
    } else if (outcome === "refused") counts.refused++;
    else if (outcome === "found") counts.found++;
    else if (outcome === "held") held.push(key);
    else if (outcome === "failed") failure ??= { error };
  }

  /** Who was loading them may have stored nothing, and be gone. */
  async function loadHeld(): Promise<void> {
    const { batchSize } = request.record.settings.family as FamilySettings;
    for (const ms of LOOK_AGAIN_MS) {
      if (held.length === 0 || signal.aborted || (ms > 0 && !(await request.pause(ms)))) break;
      const again = held;
      held = [];
      for (let from = 0; from < again.length && !signal.aborted; from += batchSize) {
        await load(again.slice(from, from + batchSize));
      }
    }
    counts.found += held.length;
    held = [];
  }

  async function mayRepeat(attempt: number, error: unknown): Promise<boolean> {
    if (!signal.aborted && (await request.again(attempt, error))) return true;
    failure ??= { error };
    return false;
  }

  for (let attempt = 1; ; attempt++) {
    const listing = request.only === undefined ? request.onList() : undefined;
    try {
      for await (const batch of batches(request, (error) => {
        failure ??= { error };
      })) {
        if (signal.aborted) break;
        for (const key of batch) listing?.add(key);
        await load(batch);
      }
      await loadHeld();
      if (!signal.aborted) listing?.end();
      break;
    } catch (error) {
      // What was loaded before the list broke off is found fresh the next time.
      if (!(await mayRepeat(attempt, error))) break;
    }
  }
  const { stored: keys, bytes } = counts;
  if (failure !== undefined) return { outcome: "failed", keys, bytes, error: failure.error };
  const outcome = keys > 0 ? "stored" : counts.refused > 0 ? "refused" : counts.found > 0 ? "found" : "empty";
  return { outcome, keys, bytes };
}

/** What can be a key, a batch at a time, which may be smaller where something was listed that cannot. */
async function* batches(
  request: FamilyRequest,
  onBadKey: (error: unknown) => void,
): AsyncGenerator<readonly string[]> {
  const { record, clock, timeoutMs, signal, only } = request;
  const { batchSize, keys } = record.settings.family as FamilySettings;
  const listed = only ?? familyKeys(keys, { name: record.name, clock, timeoutMs, signal });
  let batch: string[] = [];
  let listedKeys = 0;
  for await (const key of listed) {
    try {
      batch.push(checkKey(key, "keys"));
    } catch (error) {
      onBadKey(error);
    }
    // Those that cannot be keys count, too: a list of nothing else, without an end, must not keep everything else waiting.
    if (++listedKeys % batchSize !== 0) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function loadBatch(request: FamilyRequest, keys: readonly string[]): Promise<readonly RefillResult[]> {
  const { internals, record, timeoutMs, newerThan, signal, clock } = request;
  const { batchFetcher } = record.settings.family as FamilySettings;
  let onEnd: ((how?: LoadEnd) => void) | undefined;
  let givenUp = false;
  const timed: BatchFetcher<unknown> = (wanted, context) => {
    // A batch that begins when its time is over already would never be told to have ended.
    if (!givenUp) onEnd = request.onBatch();
    return batchFetcher(wanted, { signal: AbortSignal.any([context.signal, signal]) });
  };
  try {
    const options = entryOptions(record, timeoutMs);
    const work = internals.refillMany({ keys, fetcher: timed, options, newerThan });
    const results = await inTime(work, { clock, ms: timeoutMs + WAIT_MS, key: record.name, signal });
    onEnd?.();
    return results;
  } catch (error) {
    givenUp = true;
    onEnd?.("failed");
    throw error;
  }
}
