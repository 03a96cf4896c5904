import { checkTags } from "../check-key.ts";
import type { Clock } from "../clock.ts";
import { boundedTags, type RunningFetch, recordDependencies, type Seen } from "../dependencies.ts";
import { type Duration, parseDuration, parseDurationOrZero } from "../duration.ts";
import { FetchTimeoutError } from "../errors.ts";
import type { FetchContext, Fetcher } from "../fetcher.ts";

/** What a fetcher returned and decided. */
export interface Fetched {
  readonly value: unknown;
  readonly ttlMs: number | undefined;
  readonly staleMs: number | undefined;
  /** Full names of those that it added, and of those of what it tracked. */
  readonly tags: readonly string[];
  readonly skip: boolean;
  /** How long it took, in ms. */
  readonly tookMs: number;
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

/** A call of a fetcher, with its context and its hard timeout. */
export class FetcherCall {
  /** What the fetcher returned, or a promise of it; rejects with its error, or when the hard timeout has passed. */
  readonly value: unknown;
  readonly #running: RunningFetch;
  readonly #seen: Seen[] = [];
  #ttlMs: number | undefined;
  #staleMs: number | undefined;
  #tags: readonly string[] = [];
  #skip = false;
  #endTimeout: (() => void) | undefined;

  /** Calls the fetcher. Throws what it throws. */
  constructor({ key, fetches, fetcher, previous, hardMs, closing, signal, clock }: FetchRequest) {
    this.#running = { of: fetches.of, keys: fetches.keys, ended: false };
    const timeout = hardMs > 0 ? new AbortController() : undefined;
    const context: FetchContext<unknown> = {
      key,
      signal: anyOf(closing, timeout?.signal, signal),
      previous,
      setTtl: (ttl: Duration, staleTtl?: Duration) => {
        this.#ttlMs = parseDuration(ttl, "ttl");
        if (staleTtl !== undefined) this.#staleMs = parseDurationOrZero(staleTtl, "staleTtl");
      },
      addTags: (...more) => {
        this.#tags = checkTags([...this.#tags, ...more]);
      },
      skipStore: () => {
        this.#skip = true;
      },
    };
    let value: unknown;
    try {
      value = recordDependencies(this.#seen, this.#running, () => fetcher(context));
    } catch (error) {
      this.#running.ended = true;
      throw error;
    }
    this.value = timeout === undefined ? value : this.#inTime(value, timeout, key, hardMs, clock);
  }

  /** What came of it, once it has returned `value`. `scopePrefix` is put before its tags. */
  fetched(value: unknown, tookMs: number, scopePrefix: string): Fetched {
    let tags = this.#seen.length === 0 ? this.#tags : [...this.#tags, ...boundedTags(this.#seen)];
    if (scopePrefix !== "" && tags.length > 0) tags = tags.map((tag) => scopePrefix + tag);
    return { value, ttlMs: this.#ttlMs, staleMs: this.#staleMs, tags, skip: this.#skip, tookMs };
  }

  /** To be called when `value` has settled. */
  end(): void {
    if (this.#endTimeout === undefined) this.#running.ended = true;
    else this.#endTimeout();
  }

  #inTime(
    value: unknown,
    timeout: AbortController,
    key: string,
    hardMs: number,
    clock: Clock,
  ): Promise<unknown> {
    const fetching = Promise.resolve(value);
    return Promise.race([
      fetching,
      new Promise<never>((_, reject) => {
        const cancel = clock.after(hardMs, () => {
          const error = new FetchTimeoutError({ key, timeoutMs: hardMs });
          timeout.abort(error);
          reject(error);
        });
        this.#endTimeout = () => {
          cancel();
          const end = (): void => {
            this.#running.ended = true;
          };
          // What an abandoned fetcher ends with interests nobody any more.
          fetching.then(end, end);
        };
      }),
    ]);
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
