import type { Cache } from "../cache.ts";
import type { Duration } from "../duration.ts";
import { InvalidFetcherError } from "../errors.ts";
import type { BatchFetcher } from "../fetcher.ts";
import { holdProcess } from "../hold-process.ts";
import type { GetOptions, GetOrSetOptions } from "../options.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import type { EntryReader } from "./entry-reader.ts";
import { spread } from "./fills.ts";
import { runFetcher } from "./run-fetcher.ts";
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
  const missing = new Map<string, number[]>();
  const stale: string[] = [];
  const found = force ? [] : await reader.findMany(keys, schema);
  keys.forEach((key, i) => {
    const hit = found[i];
    const usable =
      hit !== undefined && (hit.fresh || isServable(shared, fulls[i] as string, hit.entry, options));
    if (usable) {
      values[i] = hit.value as T;
      reader.countHit(key, !hit.fresh, hit.entry === undefined ? "memory" : "store");
      if (!hit.fresh) stale.push(key);
      return;
    }
    reader.countMiss(key);
    const places = missing.get(key);
    if (places === undefined) missing.set(key, [i]);
    else places.push(i);
  });
  if (stale.length > 0) refreshInBackground(shared, cache, request, [...new Set(stale)]);
  if (missing.size === 0) return values;

  const wanted = [...missing.keys()];
  const leases = await Promise.all(
    wanted.map((key) => {
      const full = fulls[(missing.get(key) as number[])[0] as number] as string;
      return take(shared, reader, key, full, schema, force);
    }),
  );
  const settle = (key: string, value: T | null): void => {
    for (const [nth, i] of (missing.get(key) as number[]).entries()) {
      values[i] = nth === 0 ? value : (shared.payloads.copy(value) as T | null);
    }
  };
  const own: { key: string; full: string; token: string | null }[] = [];
  const others: string[] = [];
  wanted.forEach((key, at) => {
    const lease = leases[at] as Taken;
    const full = fulls[(missing.get(key) as number[])[0] as number] as string;
    if (lease.kind === "found") settle(key, lease.value as T);
    else if (lease.kind === "held") others.push(key);
    else own.push({ key, full, token: lease.kind === "granted" ? lease.token : null });
  });
  await Promise.all([
    fetchOwn(shared, request, own, settle),
    ...others.map(async (key) => {
      const value = await cache.getOrSet<T>(
        key,
        async () => (await callBatch(fetcher, [key], shared)).get(key) as T,
        request.given,
      );
      settle(key, value ?? null);
    }),
  ]);
  return values;
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
  if (fills.running(full) !== undefined) return { kind: "held" };
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

/** Fetches in one batch the keys whose leases are ours (or that have none, because the store is away), and fills them. */
async function fetchOwn<T>(
  shared: Shared,
  request: ManyRequest<T>,
  own: readonly { key: string; full: string; token: string | null }[],
  settle: (key: string, value: T | null) => void,
): Promise<void> {
  if (own.length === 0) return;
  const { access, clock, livenessMs, payloads, random } = shared;
  const { fetcher, options } = request;
  let { tags } = request;
  let cancel: () => void = () => {};
  const renew = (): void => {
    cancel = clock.after(livenessMs / 3, () => {
      for (const { full, token } of own)
        if (token !== null) access.leases.renew(full, token, livenessMs).catch(() => {});
      renew();
    });
  };
  renew();
  const began = clock.monotonic();
  let fetched: Map<string, T | null>;
  try {
    fetched = await callBatch(
      fetcher,
      own.map(({ key }) => key),
      shared,
      options.hardMs,
      (tracked) => {
        // Which row went into which value is not known: each depends on all.
        tags = [...new Set([...tags, ...tracked.map((tag) => request.scopePrefix + tag)])];
      },
    );
  } catch (error) {
    await Promise.all(
      own.map(
        ({ full, token }) => token !== null && access.leases.release(full, token, "e", tags).catch(() => {}),
      ),
    );
    throw error;
  } finally {
    cancel();
  }
  const costMs = (clock.monotonic() - began) / own.length;
  await Promise.all(
    own.map(async ({ key, full, token }) => {
      const value = fetched.get(key);
      if (value === undefined || (value === null && options.nullMs === 0)) {
        const outcome = value === null ? "n" : "u";
        if (token !== null) await access.leases.release(full, token, outcome, tags).catch(() => {});
      } else {
        const freshMs = spread(value === null ? options.nullMs : options.ttlMs, options.jitter, random);
        const totalMs = freshMs + (value === null ? 0 : options.staleMs + options.failSafeMs);
        const parts = payloads.pack(key, value, tags, options.earlyRefresh > 0 ? costMs : 0);
        if (token !== null)
          await access.leases.fill({ key: full, freshMs, totalMs, parts, tags }, token).catch(() => {});
      }
      settle(key, value ?? null);
    }),
  );
}

/** Calls the batch fetcher once and brings its answer into one form. */
export async function callBatch<T>(
  fetcher: BatchFetcher<T>,
  keys: readonly string[],
  shared: Shared,
  hardMs = 0,
  onTags: (tags: readonly string[]) => void = () => {},
): Promise<Map<string, T | null>> {
  shared.fills.fetches++;
  const release = hardMs > 0 ? holdProcess() : () => {};
  const { value: answer, tags } = await runFetcher({
    key: keys[0] as string,
    fetcher: ({ signal }) => fetcher(keys, { signal }),
    previous: undefined,
    hardMs,
    closing: new AbortController().signal,
    clock: shared.clock,
  }).finally(release);
  if (tags.length > 0) onTags(tags);
  if (answer instanceof Map) return answer as Map<string, T | null>;
  if (!Array.isArray(answer) || answer.length !== keys.length) {
    throw new InvalidFetcherError({
      received: answer,
      parameter: "fetcher",
      expected: `a Map, or an array of ${keys.length} values in the order of the keys`,
    });
  }
  const values = new Map<string, T | null>();
  keys.forEach((key, i) => {
    if (answer[i] !== undefined) values.set(key, answer[i] as T | null);
  });
  return values;
}

function isServable(
  shared: Shared,
  full: string,
  entry: { readonly expiresAt: number } | undefined,
  options: ResolvedEntryOptions,
): boolean {
  if (entry === undefined) return true;
  return shared.store.serverNow(shared.keys.entry(full)) < entry.expiresAt - options.failSafeMs;
}

function refreshInBackground<T>(
  shared: Shared,
  cache: Cache,
  request: ManyRequest<T>,
  stale: readonly string[],
): void {
  for (const key of stale) {
    // Each goes through its own fill, so that one refresh runs at a time for a key, whoever asks for it.
    cache
      .getOrSet<T>(
        key,
        async () => (await callBatch(request.fetcher, [key], shared)).get(key) as T,
        request.given,
      )
      .catch((error) => {
        if (shared.emitter.wants("background:error")) {
          shared.emitter.emit("background:error", { where: "refresh", error });
        }
      });
  }
}
