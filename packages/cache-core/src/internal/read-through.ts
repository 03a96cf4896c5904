import { inheritDependencies, isFetchedByCaller } from "../dependencies.ts";
import type { ParsedEntry } from "../entry.ts";
import { FetchCycleError, FetchTimeoutError } from "../errors.ts";
import type { Fetcher } from "../fetcher.ts";
import { holdProcess } from "../hold-process.ts";
import type { GetOptions, GetOrSetOptions } from "../options.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import type { EntryReader, Found } from "./entry-reader.ts";
import type { FillResult, Flight } from "./flight.ts";
import { isDueEarly } from "./is-due-early.ts";
import type { Shared } from "./shared.ts";

/** `getOrSet` of a cache or a scope, behind its checks: serves what is there, and fills what is not, once for all. */
export class ReadThrough {
  readonly #shared: Shared;
  readonly #prefix: string;
  readonly #reader: EntryReader;

  constructor(shared: Shared, prefix: string, reader: EntryReader) {
    this.#shared = shared;
    this.#prefix = prefix;
    this.#reader = reader;
  }

  /** The value for one caller of `getOrSet`: found, fetched by itself, or by somebody whom it joins. */
  async run(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    call: GetOrSetOptions<unknown> | undefined,
  ): Promise<unknown> {
    const { fills, emitter, lookups } = this.#shared;
    const arrival = fills.arrive();
    const giveUpAt = options.hardMs > 0 ? this.#shared.clock.monotonic() + options.hardMs : undefined;
    const force = call?.forceRefresh === true;
    const schema = call?.schema as GetOptions["schema"];
    let previous: Found | undefined;
    let isCounted = false;
    const countMiss = (): void => {
      if (!isCounted) this.#reader.countMiss(key);
      isCounted = true;
    };
    let looks = options.earlyRefresh > 0 || !lookups.arePointless;
    let known = force ? Number.MAX_SAFE_INTEGER : -1;
    for (;;) {
      let flight = fills.running(full);
      // Who meets the fetch of a value that replaces another is served what there is, like the one who started it; and
      // knows the old value, should the fetch be slow or fail.
      if ((flight === undefined ? looks : flight.replaces) && !force) {
        const { mark } = this.#reader;
        const entry = await this.#reader.read(full, key);
        const found = entry === null ? undefined : this.#reader.open(entry, full, key, schema, mark);
        lookups.note(entry !== null);
        if (found !== undefined) {
          const served = this.#serve(key, full, found, fetcher, options, tags);
          if (served) return found.value;
          previous = found;
        }
        flight = fills.running(full);
      }
      if (isFetchedByCaller(fills, full)) {
        countMiss();
        throw new FetchCycleError({ key });
      }
      const { mark } = this.#reader;
      const own = flight === undefined;
      const looked = looks || force;
      flight ??= this.#start(key, full, fetcher, options, tags, previous?.entry, known, false, looked);
      looks = true;
      flight.onMissing(() => {
        countMiss();
        if (!own && emitter.wants("fetch:join")) emitter.emit("fetch:join", { key, where: "process" });
      });
      const joined = flight;
      // Its own look at the store may have failed, or come too early.
      const fallback = (): Found | undefined => {
        const stood = previous === undefined && !force ? joined.previousFor(arrival) : undefined;
        return stood === undefined ? previous : this.#reader.open(stood, full, key, schema, mark);
      };
      const isTimed = options.softMs > 0 || giveUpAt !== undefined;
      const result = await (isTimed
        ? this.#resultInTime(joined, options, fallback, giveUpAt)
        : joined.result);
      if (joined.missed || !("kind" in result)) countMiss();
      else lookups.note(true);
      if ("served" in result) return result.served.value;
      if ("timedOut" in result)
        return this.#failSafe(
          full,
          options,
          fallback,
          new FetchTimeoutError({ key, timeoutMs: options.hardMs }),
        );
      // An entry that was there before is not what a forced refresh asked for.
      if (result.kind === "look" || (force && !joined.missed) || !joined.serves(arrival)) continue;
      const delivered = this.#deliver(key, full, flight, result, own, schema, mark);
      if (delivered !== undefined) {
        if (!isCounted) this.#reader.countHit(key, false);
        if (delivered.error === undefined) return delivered.value;
        return this.#failSafe(full, options, fallback, delivered.error.cause);
      }
      // A fresh entry that this caller cannot use: only a newer one will do.
      if (result.kind === "entry") known = Math.max(known, result.entry.createdAt);
    }
  }

  /** Whether a found value may be served; starts its refresh when it is due. */
  #serve(
    key: string,
    full: string,
    found: Found,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
  ): boolean {
    const { store, keys, random } = this.#shared;
    const { entry } = found;
    const now = store.serverNow(keys.entry(full));
    if (now < entry.freshUntil) {
      if (isDueEarly(entry, now, options.earlyRefresh, random)) {
        this.#refresh(key, full, fetcher, options, tags, entry, entry.createdAt);
      }
      this.#reader.countHit(key, false);
      return true;
    }
    const throttled = this.#shared.throttle.has(full);
    // What lies behind the stale window is kept for failures only.
    if (now >= entry.expiresAt - options.failSafeMs && !throttled) return false;
    if (!throttled) this.#refresh(key, full, fetcher, options, tags, entry, -1);
    this.#reader.countHit(key, true);
    return true;
  }

  #refresh(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    previous: ParsedEntry,
    known: number,
  ): void {
    const { fills, logger, emitter } = this.#shared;
    if (fills.running(full) !== undefined) return;
    const { mark } = this.#reader;
    const flight = this.#start(key, full, fetcher, options, tags, previous, known, true, true);
    void flight.result.then((result) => {
      if (result.kind === "error") {
        this.#shared.throttle.add(full, options.throttleMs);
        logger.warn({ err: result.error, key }, "A background refresh failed; the stale value stays");
        if (emitter.wants("background:error"))
          emitter.emit("background:error", { where: "refresh", error: result.error });
      } else if (flight.confirmed && result.kind === "value" && result.stored !== undefined) {
        this.#reader.keepStored(full, result.stored, mark);
      }
    });
  }

  #start(
    key: string,
    full: string,
    fetcher: Fetcher<unknown>,
    options: ResolvedEntryOptions,
    tags: readonly string[],
    previous: ParsedEntry | undefined,
    known: number,
    background: boolean,
    looked: boolean,
  ): Flight {
    const scopePrefix = this.#prefix;
    return this.#shared.fills.start({
      key: full,
      publicKey: key,
      fetcher,
      options,
      tags,
      scopePrefix,
      previous,
      known,
      background,
      looked,
    });
  }

  /** The old value in place of a failure, where there is one that may be served; else the failure. */
  #failSafe(
    full: string,
    options: ResolvedEntryOptions,
    fallback: () => Found | undefined,
    error: unknown,
  ): unknown {
    const served = options.failSafeMs > 0 ? fallback() : undefined;
    if (served === undefined) throw error;
    this.#shared.throttle.add(full, options.throttleMs);
    this.#shared.counters.staleServed++;
    return served.value;
  }

  /**
   * The result of a fill, or the value to be served when the soft timeout passes first and there is one. Whoever else is
   * fetching, the caller waits for no longer than its own hard timeout.
   */
  async #resultInTime(
    flight: Flight,
    options: ResolvedEntryOptions,
    fallback: () => Found | undefined,
    giveUpAt: number | undefined,
  ): Promise<FillResult | { readonly served: Found } | { readonly timedOut: true }> {
    const { clock, counters } = this.#shared;
    const cancels: (() => void)[] = [holdProcess()];
    const after = <T>(ms: number, outcome: T): Promise<T> =>
      new Promise((resolve) => cancels.push(clock.after(Math.max(0, ms), () => resolve(outcome))));
    const hard = giveUpAt === undefined ? [] : [after(giveUpAt - clock.monotonic(), "hard" as const)];
    const soft = options.softMs === 0 ? [] : [after(options.softMs, "soft" as const)];
    try {
      const first = await Promise.race([flight.result, ...hard, ...soft]);
      if (first === "hard") return { timedOut: true };
      if (first !== "soft") return first;
      const served = fallback();
      if (served !== undefined) {
        counters.staleServed++;
        return { served };
      }
      const last = await Promise.race([flight.result, ...hard]);
      return last === "hard" ? { timedOut: true } : last;
    } finally {
      for (const cancel of cancels) cancel();
    }
  }

  /** What one caller gets of a result; `undefined` when it has to look again. */
  #deliver(
    key: string,
    full: string,
    flight: Flight,
    result: Exclude<FillResult, { kind: "look" }>,
    own: boolean,
    schema: GetOptions["schema"],
    mark: number,
  ): { value?: unknown; error?: { cause: unknown } } | undefined {
    if (result.kind === "error") return { error: { cause: result.error } };
    if (result.kind === "entry") return this.#reader.decode(result.entry, full, key, schema, mark);
    const { value, stored } = result;
    // What it tracked is known; what its call named, or was tracked for another caller, is not.
    if (stored !== undefined) inheritDependencies(stored.tags, this.#prefix);
    if (stored === undefined) return { value: own ? value : this.#shared.payloads.copy(value) };
    if (this.#shared.tier !== null && flight.confirmed) {
      const kept = this.#reader.keepStored(full, stored, mark);
      if (kept !== undefined) return { value: kept.read() };
    }
    // Whoever asked for the fetch gets its value; others a copy of their own.
    return { value: own ? value : this.#shared.payloads.copy(value) };
  }
}
