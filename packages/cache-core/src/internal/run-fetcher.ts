import { checkTags } from "../check-key.ts";
import type { Clock } from "../clock.ts";
import { type Dependency, dependencyTags, type RunningFetch, recordDependencies } from "../dependencies.ts";
import { type Duration, parseDuration, parseDurationOrZero } from "../duration.ts";
import { FetchTimeoutError } from "../errors.ts";
import type { FetchContext, Fetcher } from "../fetcher.ts";

/** What a fetcher returned and decided. */
export interface Fetched {
  readonly value: unknown;
  readonly ttlMs: number | undefined;
  readonly staleMs: number | undefined;
  readonly tags: readonly string[];
  readonly skip: boolean;
}

export interface FetchRequest {
  readonly key: string;
  /** What the call fetches, so that it does not wait for itself. */
  readonly fetches: Pick<RunningFetch, "of" | "keys">;
  readonly fetcher: Fetcher<unknown>;
  readonly previous: { readonly value: unknown; readonly ageMs: number } | undefined;
  /** 0: no limit. */
  readonly hardMs: number;
  /** Aborts when the cache is closed. */
  readonly closing: AbortSignal;
  /** Aborts when the caller has given up. */
  readonly signal?: AbortSignal | undefined;
  readonly clock: Clock;
}

/** Runs a fetcher once, with its context and its hard timeout. */
export async function runFetcher(request: FetchRequest): Promise<Fetched> {
  const { key, fetcher, hardMs, clock, closing } = request;
  let ttlMs: number | undefined;
  let staleMs: number | undefined;
  let tags: readonly string[] = [];
  let skip = false;
  const controller = hardMs > 0 ? new AbortController() : undefined;
  const context: FetchContext<unknown> = {
    key,
    signal: anyOf(closing, controller?.signal, request.signal),
    previous: request.previous,
    setTtl(ttl: Duration, staleTtl?: Duration) {
      ttlMs = parseDuration(ttl, "ttl");
      if (staleTtl !== undefined) staleMs = parseDurationOrZero(staleTtl, "staleTtl");
    },
    addTags(...more) {
      tags = checkTags([...tags, ...more]);
    },
    skipStore() {
      skip = true;
    },
  };
  const seen: Dependency[] = [];
  const fetch: RunningFetch = { ...request.fetches, ended: false };
  const running = Promise.resolve(recordDependencies(seen, fetch, () => fetcher(context)));
  const fetched = (value: unknown): Fetched => {
    const all = seen.length === 0 ? tags : [...tags, ...dependencyTags(seen)];
    return { value, ttlMs, staleMs, tags: all, skip };
  };
  if (controller === undefined) {
    try {
      return fetched(await running);
    } finally {
      fetch.ended = true;
    }
  }
  let cancel: () => void = () => {};
  const timeout = new Promise<never>((_, reject) => {
    cancel = clock.after(hardMs, () => {
      const error = new FetchTimeoutError({ key, timeoutMs: hardMs });
      controller.abort(error);
      reject(error);
    });
  });
  try {
    return fetched(await Promise.race([running, timeout]));
  } finally {
    cancel();
    const end = (): void => {
      fetch.ended = true;
    };
    // What an abandoned fetcher ends with interests nobody any more.
    running.then(end, end);
  }
}

/** A signal that aborts with the first of these; `closing` itself where it is the only one. */
function anyOf(
  closing: AbortSignal,
  timeout: AbortSignal | undefined,
  caller: AbortSignal | undefined,
): AbortSignal {
  if (timeout === undefined) return caller === undefined ? closing : AbortSignal.any([closing, caller]);
  return AbortSignal.any(caller === undefined ? [timeout, closing] : [timeout, closing, caller]);
}
