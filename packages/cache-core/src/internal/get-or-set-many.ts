import type { Cache } from "../cache.ts";
import { inheritDependencies } from "../dependencies.ts";
import type { Duration } from "../duration.ts";
import type { ParsedEntry } from "../entry.ts";
import type { BatchFetcher } from "../fetcher.ts";
import { holdProcess } from "../hold-process.ts";
import type { GetOptions, GetOrSetOptions } from "../options.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import { eachOf } from "./each-of.ts";
import type { EntryReader } from "./entry-reader.ts";
import { type BatchFill, type BatchKey, fillBatch, KEYS_AT_ONCE } from "./fill-batch.ts";
import { isDueEarly } from "./is-due-early.ts";
import { readBatchAnswer } from "./read-batch-answer.ts";
import { type DueKey, followRefresh, refreshMany } from "./refresh-many.ts";
import type { Shared } from "./shared.ts";

export interface ManyRequest<T> {
  readonly keys: readonly string[];
  readonly fulls: readonly string[];
  readonly fetcher: BatchFetcher<T>;
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  /** The scope's part of names, put before the tags that the fetcher tracks. */
  readonly scopePrefix: string;
  /** As the caller gave them, for keys that have to be waited for one by one. */
  readonly given: Duration | GetOrSetOptions<T> | undefined;
}

/** A key that is missing: where its value goes, and what may be served should the fetch be slow or fail. */
interface Missing {
  readonly key: string;
  readonly full: string;
  readonly places: number[];
  readonly old: { readonly value: unknown } | undefined;
}

/**
 * Read-through for many keys. What is found is returned; of what is missing, the keys whose lease this call gets are
 * fetched in one batch, and those that somebody else is fetching are waited for.
 */
export async function getOrSetMany<T>(
  shared: Shared,
  cache: Cache,
  reader: EntryReader,
  request: ManyRequest<T>,
): Promise<(T | null)[]> {
  const { keys, fulls, fetcher, options } = request;
  const values: (T | null)[] = new Array(keys.length).fill(null);
  const given = typeof request.given === "object" ? request.given : undefined;
  const schema = given?.schema as GetOptions["schema"];
  const force = given?.forceRefresh === true;
  const missing = new Map<string, Missing>();
  const due = new Map<string, DueKey>();
  // Whether a fresh entry is due early is in the store.
  const found = force ? [] : await reader.findMany(keys, schema, options.earlyRefresh > 0);
  keys.forEach((key, i) => {
    const hit = found[i];
    const full = fulls[i] as string;
    if (hit !== undefined && (hit.fresh || isServable(shared, full, hit.entry, options))) {
      values[i] = hit.value as T;
      reader.countHit(key, !hit.fresh, hit.entry === undefined ? "memory" : "store");
      if (!hit.fresh) due.set(key, { key, full, known: -1 });
      else if (hit.entry !== undefined && isDue(shared, full, hit.entry, options))
        due.set(key, { key, full, known: hit.entry.createdAt });
      return;
    }
    reader.countMiss(key);
    const known = missing.get(key);
    if (known === undefined) missing.set(key, { key, full, places: [i], old: hit });
    else known.places.push(i);
  });
  if (due.size > 0) refreshMany(shared, request, [...due.values()]);
  if (missing.size === 0) return values;

  const mark = shared.tier?.recent.mark ?? 0;
  const wanted = [...missing.values()];
  const leases = await eachOf(
    wanted,
    ({ key, full }) => take(shared, reader, key, full, schema, force),
    KEYS_AT_ONCE,
  );
  const settle = ({ places }: Missing, value: unknown): void => {
    for (const [nth, i] of places.entries()) {
      values[i] = (nth === 0 ? (value ?? null) : shared.payloads.copy(value ?? null)) as T | null;
    }
  };
  const own: (Missing & BatchKey)[] = [];
  const others: Missing[] = [];
  wanted.forEach((each, at) => {
    const lease = leases[at] as Taken;
    if (lease.kind === "found") settle(each, lease.value);
    else if (lease.kind === "held") others.push(each);
    else own.push({ ...each, token: lease.kind === "granted" ? lease.token : null });
  });
  await Promise.all([
    own.length === 0 ? undefined : fetchOwn(),
    ...others.map(async (each) => {
      const { key } = each;
      const one = async ({ signal }: { readonly signal: AbortSignal }): Promise<T> =>
        readBatchAnswer(await fetcher([key], { signal }), [key]).get(key) as T;
      settle(each, await cache.getOrSet<T>(key, one, request.given));
    }),
  ]);
  return values;

  /** The keys whose leases are ours, or that have none because the store is away: in one batch. */
  async function fetchOwn(): Promise<void> {
    const { fills, throttle } = shared;
    const filling = fills.follow(fillBatch(shared, { ...request, background: false }, own));
    // An old value takes the place of a failure, or of a slow fetch, where there is one for each key.
    const replaceable = own.every(({ old }) => old !== undefined);
    const serveOld = (): void => {
      shared.counters.staleServed += own.length;
      for (const each of own) settle(each, each.old?.value);
    };
    try {
      const filled =
        replaceable && options.softMs > 0 ? await within(shared, options.softMs, filling) : await filling;
      if (filled === undefined) {
        serveOld();
        followRefresh(shared, own, options.throttleMs, filling);
        return;
      }
      const failed = filled.find(({ outcome }) => outcome === "failed");
      if (failed !== undefined) throw failed.error;
      filled.forEach(({ value, stored }, nth) => {
        const each = own[nth] as Missing;
        if (stored !== undefined) inheritDependencies(stored.tags, request.scopePrefix);
        const kept = stored === undefined ? undefined : reader.keepStored(each.full, stored, mark);
        settle(each, kept === undefined ? value : kept.read());
      });
    } catch (error) {
      if (!replaceable || options.failSafeMs === 0) throw error;
      for (const { full } of own) throttle.add(full, options.throttleMs);
      serveOld();
    }
  }
}

type Taken =
  | { readonly kind: "found"; readonly value: unknown }
  | { readonly kind: "held" }
  | { readonly kind: "granted"; readonly token: string }
  | { readonly kind: "lost" };

async function take(
  shared: Shared,
  reader: EntryReader,
  key: string,
  full: string,
  schema: GetOptions["schema"],
  force: boolean,
): Promise<Taken> {
  const { fills, access, pending, livenessMs } = shared;
  if (fills.running(full)?.missed) return { kind: "held" };
  if (pending.covers(full, null)) return { kind: "lost" };
  const token = access.leases.nextToken();
  let known = force ? Number.MAX_SAFE_INTEGER : -1;
  for (;;) {
    const mark = shared.tier?.recent.mark ?? 0;
    const taken = await access.leases.take(full, token, livenessMs, "", known).catch(() => undefined);
    if (taken === undefined) return { kind: "lost" };
    if (taken.kind === "held") return { kind: "held" };
    if (taken.kind === "granted") return { kind: "granted", token };
    const opened = reader.openBytes(key, taken.entry, schema, mark);
    if (opened !== undefined) return { kind: "found", value: opened.value };
    // What looks usable to the store and is not: to be overwritten.
    known = Number.MAX_SAFE_INTEGER;
  }
}

/** What the fills came to; `undefined` when they take longer than `ms`. */
async function within(
  { clock }: Shared,
  ms: number,
  filling: Promise<BatchFill[]>,
): Promise<BatchFill[] | undefined> {
  const release = holdProcess();
  let cancel: () => void = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = clock.after(ms, () => resolve(undefined));
  });
  try {
    return await Promise.race([filling, late]);
  } finally {
    cancel();
    release();
  }
}

/** Whether an entry that is no longer fresh may be served: what lies behind its stale window is kept for failures only. */
function isServable(
  { store, keys, throttle }: Shared,
  full: string,
  entry: { readonly expiresAt: number } | undefined,
  options: ResolvedEntryOptions,
): boolean {
  if (entry === undefined) return true;
  return store.serverNow(keys.entry(full)) < entry.expiresAt - options.failSafeMs || throttle.has(full);
}

/** Whether a fresh entry is to be refreshed ahead of its time. */
function isDue(
  { store, keys, random }: Shared,
  full: string,
  entry: ParsedEntry,
  { earlyRefresh }: ResolvedEntryOptions,
): boolean {
  return earlyRefresh > 0 && isDueEarly(entry, store.serverNow(keys.entry(full)), earlyRefresh, random);
}
