import type { EntryParts } from "../entry.ts";
import { readTimes } from "../entry.ts";
import type { BatchFetcher, Fetcher } from "../fetcher.ts";
import type { EntryTimes, RefillOutcome, RefillResult } from "../refill.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import { spread } from "./fills.ts";
import { callBatch } from "./get-or-set-many.ts";
import type { Shared } from "./shared.ts";

/** Keys of one script that looks at entries. */
const PAGE = 256;

interface Request {
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  readonly scopePrefix: string;
  readonly newerThan: number;
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
      ...{ previous: undefined, known: newerThan, background: true, signal },
    });
  const result = await flight.result;
  if (result.kind === "error") {
    if (running !== undefined) return ended("found");
    throw result.error;
  }
  if (result.kind === "entry") return ended("found", 0, result.entry.freshUntil);
  const { stored } = result;
  if (stored === undefined) return ended("empty");
  if (!flight.confirmed) return ended(store.available ? "refused" : "unavailable");
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
  },
): Promise<RefillResult[]> {
  const { access, clock, fills, livenessMs, payloads, pending, random, renewals, store } = shared;
  const { fulls, options, newerThan } = request;
  const results: RefillResult[] = new Array(fulls.length).fill(ended("unavailable"));
  const own: { readonly at: number; readonly token: string; readonly stop: () => void }[] = [];
  await Promise.all(
    fulls.map(async (full, at) => {
      if (fills.running(full) !== undefined) results[at] = ended("held");
      else if (!pending.covers(full, null)) {
        const token = access.leases.nextToken();
        const taken = await access.leases
          .take(full, token, livenessMs, "", newerThan)
          .catch(() => ({ kind: "unavailable" }) as const);
        if (taken.kind === "granted") own.push({ at, token, stop: renewals.keep(full, token) });
        else if (taken.kind === "held") results[at] = ended("held");
        else if (taken.kind === "found") results[at] = ended("found", 0, readTimes(taken.entry).freshUntil);
      }
    }),
  );
  if (own.length === 0) return results;
  own.sort((a, b) => a.at - b.at);
  const wanted = own.map(({ at }) => request.keys[at] as string);
  let { tags } = request;
  const began = clock.monotonic();
  const fetched = await callBatch(request.fetcher, wanted, shared, options.hardMs, (tracked) => {
    tags = [...new Set([...tags, ...tracked.map((tag) => request.scopePrefix + tag)])];
  }).catch(async (error) => {
    await Promise.all(own.map((each) => giveBack(each, "e")));
    throw error;
  });
  const costMs = (clock.monotonic() - began) / own.length;
  await Promise.all(
    own.map(async (lease, nth) => {
      const { at, token } = lease;
      const value = fetched.get(wanted[nth] as string);
      if (value === undefined || (value === null && options.nullMs === 0)) {
        await giveBack(lease, value === null ? "n" : "u");
        results[at] = ended("empty");
        return;
      }
      const freshMs = spread(value === null ? options.nullMs : options.ttlMs, options.jitter, random);
      const totalMs = freshMs + (value === null ? 0 : options.staleMs + options.failSafeMs);
      let parts: EntryParts;
      try {
        parts = payloads.pack(wanted[nth] as string, value, tags, options.earlyRefresh > 0 ? costMs : 0);
      } catch (error) {
        await giveBack(lease, "e");
        results[at] = { ...ended("failed"), error };
        return;
      }
      const full = fulls[at] as string;
      const stored = await access.leases
        .fill({ key: full, freshMs, totalMs, parts, tags }, token)
        .catch(() => undefined);
      lease.stop();
      const freshUntil = store.serverNow(shared.keys.entry(full)) + freshMs;
      if (stored === undefined) results[at] = ended("unavailable");
      else results[at] = stored ? ended("stored", payloadBytes(parts), freshUntil) : ended("refused");
    }),
  );
  return results;

  async function giveBack(lease: (typeof own)[number], outcome: "e" | "n" | "u"): Promise<void> {
    lease.stop();
    await access.leases.release(fulls[lease.at] as string, lease.token, outcome, tags).catch(() => {});
  }
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

function ended(outcome: RefillOutcome, bytes = 0, freshUntil = 0): RefillResult {
  return { outcome, bytes, freshUntil };
}

function payloadBytes({ payload }: EntryParts): number {
  return typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
}
