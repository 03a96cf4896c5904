import { payloadBytes, readTimes } from "../entry.ts";
import type { BatchFetcher, Fetcher } from "../fetcher.ts";
import type { EntryTimes, RefillResult } from "../refill.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import { eachOf } from "./each-of.ts";
import { type BatchKey, ended, fillBatch, KEYS_AT_ONCE } from "./fill-batch.ts";
import type { Shared } from "./shared.ts";

/** Keys of one script that looks at entries. */
const PAGE = 256;

interface Request {
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  readonly scopePrefix: string;
}

/**
 * Fetches and stores a key that may be fresh, under its lease like any fill: what was written or invalidated since the
 * fetch began is never overwritten, and there is one fetch at a time across all processes. Rejects with the fetcher's error.
 */
export async function refill(
  shared: Shared,
  request: Request & {
    readonly key: string;
    readonly full: string;
    readonly fetcher: Fetcher<unknown>;
    readonly newerThan: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<RefillResult> {
  const { fills, store, keys } = shared;
  const { key, full, fetcher, options, tags, scopePrefix, newerThan, signal } = request;
  const running = fills.running(full);
  const flight =
    running ??
    fills.start({
      ...{ key: full, publicKey: key, fetcher, options, tags, scopePrefix },
      ...{ previous: undefined, known: newerThan, looked: true, background: true, onlyToStore: true, signal },
    });
  const result = await flight.result;
  if (running === undefined && result.kind === "look") return ended("unavailable");
  // A reader that has found an entry, which may be the one to be replaced.
  if (result.kind === "look" || !flight.missed) return refill(shared, request);
  if (result.kind === "error") {
    if (running !== undefined) return ended("found");
    throw result.error;
  }
  if (result.kind === "entry") return ended("found", 0, result.entry.freshUntil);
  const { stored } = result;
  if (stored === undefined) return ended("empty");
  if (flight.refused) return ended("refused");
  // A store that is busy, or fails for this key alone, as while its slot is moved: nothing is newer then, and the source need not be asked again.
  if (!flight.confirmed) {
    const token = running === undefined ? flight.token : undefined;
    if (
      token === undefined ||
      !(await fills.follow(fills.storeAgain({ key: full, publicKey: key, signal }, token, stored)))
    )
      return ended("unavailable");
  }
  const freshUntil = store.serverNow(keys.entry(full)) + stored.freshMs;
  return running === undefined
    ? ended("stored", payloadBytes(stored.parts), freshUntil)
    : ended("found", 0, freshUntil);
}

/** As `refill` for many keys: one call of the fetcher for those whose leases are free. Rejects with the fetcher's error. */
export async function refillMany(
  shared: Shared,
  request: Request & {
    readonly keys: readonly string[];
    readonly fulls: readonly string[];
    readonly fetcher: BatchFetcher<unknown>;
    /** For each key: a fresh entry that was made later is left alone. */
    readonly newerThan: readonly number[];
  },
): Promise<RefillResult[]> {
  const { access, fills, livenessMs, pending } = shared;
  const { keys, fulls, newerThan } = request;
  const results: RefillResult[] = new Array(fulls.length).fill(ended("unavailable"));
  const own: (BatchKey & { readonly at: number })[] = [];
  await eachOf(
    fulls,
    async (full, at) => {
      if (fills.running(full)?.missed) results[at] = ended("held");
      else if (!pending.covers(full, null)) {
        const token = access.leases.nextToken();
        const taken = await access.leases
          .take(full, token, livenessMs, "", newerThan[at] as number)
          .catch(() => ({ kind: "unavailable" }) as const);
        if (taken.kind === "granted") own.push({ at, key: keys[at] as string, full, token });
        else if (taken.kind === "held") results[at] = ended("held");
        else if (taken.kind === "found") results[at] = ended("found", 0, readTimes(taken.entry).freshUntil);
      }
    },
    KEYS_AT_ONCE,
  );
  if (own.length === 0) return results;
  own.sort((a, b) => a.at - b.at);
  const filled = await fills.follow(fillBatch(shared, { ...request, background: true }, own));
  filled.forEach(({ outcome, bytes, freshUntil, error }, nth) => {
    results[(own[nth] as (typeof own)[number]).at] =
      error === undefined ? { outcome, bytes, freshUntil } : { outcome, bytes, freshUntil, error };
  });
  return results;
}

/** When entries were made and until when they are fresh, without their payloads; `null` for a key without an entry. */
export async function timesOf(shared: Shared, fulls: readonly string[]): Promise<(EntryTimes | null)[]> {
  const times: (EntryTimes | null)[] = new Array(fulls.length).fill(null);
  const groups = new Map<number, number[]>();
  fulls.forEach((full, at) => {
    const bucket = shared.keys.bucketOf(full);
    const group = groups.get(bucket);
    if (group === undefined) groups.set(bucket, [at]);
    else group.push(at);
  });
  const pages: Promise<void>[] = [];
  for (const [bucket, group] of groups) {
    for (let from = 0; from < group.length; from += PAGE)
      pages.push(look(bucket, group.slice(from, from + PAGE)));
  }
  await Promise.all(pages);
  return times;

  async function look(bucket: number, page: readonly number[]): Promise<void> {
    const heads = await shared.access.listing.heads(
      bucket,
      page.map((at) => fulls[at] as string),
    );
    page.forEach((at, nth) => {
      const head = heads[nth] as Buffer;
      if (head.length > 0) times[at] = readTimes(head);
    });
  }
}
