import type { Clock } from "../clock.ts";
import { type EntryParts, type ParsedEntry, parseEntry } from "../entry.ts";
import type { Fetcher } from "../fetcher.ts";
import type { ResolvedEntryOptions } from "../resolve-options.ts";
import type { Emitter } from "./emitter.ts";
import type { Unstored } from "./lease-calls.ts";
import type { Payloads } from "./payloads.ts";
import type { PendingInvalidations } from "./pending-invalidations.ts";
import type { Renewals } from "./renewals.ts";
import { type Fetched, runFetcher } from "./run-fetcher.ts";
import type { StoreAccess } from "./store-access.ts";
import type { Outcome, WakeUps } from "./wake-ups.ts";

/** Without the store, callers that come while a fetch runs wait this long for one another before the next begins. */
const GATHER_MS = 10;
/** Beyond the liveness of a lease, before a waiter asks whether its holder is dead. */
const TAKEOVER_SLACK_MS = 20;
/** How often a caller waits for others' fills before it fetches for itself. */
const MAX_WAITS = 64;

/** What a fill needs to know. Keys and tags are full names. */
export interface FillRequest {
  readonly key: string;
  readonly fetcher: Fetcher<unknown>;
  readonly options: ResolvedEntryOptions;
  readonly tags: readonly string[];
  /** The scope's part of names, put before the tags that the fetcher adds. */
  readonly scopePrefix: string;
  /** The caller's name of the key. */
  readonly publicKey: string;
  /** An entry that is being replaced, if one is known. */
  readonly previous: ParsedEntry | undefined;
  /** Take a lease although an entry is fresh, unless it is newer than this (ms); -1: a fresh entry ends the matter. */
  readonly known: number;
  readonly background: boolean;
  /** Aborts the fetcher's signal. */
  readonly signal?: AbortSignal | undefined;
}

/** How a fill ended. */
export type FillResult =
  /** Somebody's stored entry. */
  | { readonly kind: "entry"; readonly entry: ParsedEntry }
  /** The fetcher's value; `parts` when it was encoded. */
  | { readonly kind: "value"; readonly value: unknown; readonly stored: StoredParts | undefined }
  | { readonly kind: "error"; readonly error: unknown };

export interface StoredParts {
  readonly parts: EntryParts;
  readonly freshMs: number;
  readonly totalMs: number;
  readonly tags: readonly string[];
}

/** Where a caller stands in the order of events of this process. */
let sequence = 0;

/**
 * A fill under way in this process. A caller may have its result if nothing that was acknowledged before the caller
 * came can be missing in it: always when the caller came before the moment from which the result is (`since`),
 * otherwise only when the store confirmed at the end that the lease had stood all the time (`confirmed`). Nobody joins
 * any more once the store was asked to confirm: its answer says nothing of what is invalidated while it travels.
 */
export class Flight {
  since: number = Number.POSITIVE_INFINITY;
  confirmed = false;
  /** Whether the store said that the lease stood no more: somebody wrote or invalidated the key, or its holder stalled. */
  refused = false;
  /** Whether there is an entry that it replaces: whoever comes may be served that, and looks first. */
  replaces: boolean;
  /**
   * The entry that stood when the lease was granted. Whom the flight `serves` may have it in place of a value: it stood
   * at `since`, and if the lease stood all the time nothing that covers it was invalidated.
   */
  previous: ParsedEntry | undefined;
  readonly result: Promise<FillResult>;

  constructor(replaces: boolean, run: (flight: Flight) => Promise<FillResult>) {
    this.replaces = replaces;
    this.result = run(this);
  }

  /** Whether a caller that came at `arrival` may have the result. Asked after it has come. */
  serves(arrival: number): boolean {
    return this.confirmed || arrival <= this.since;
  }
}

/** The fills of one cache: one at a time a key, in this process and, through leases, among all. */
export class Fills {
  readonly #access: StoreAccess;
  readonly #payloads: Payloads;
  readonly #wakeUps: WakeUps;
  readonly #pending: PendingInvalidations;
  readonly #emitter: Emitter;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #livenessMs: number;
  readonly #closing: AbortSignal;
  readonly #renewals: Renewals;
  /** Those that callers may join, by key. */
  readonly #flights = new Map<string, Flight>();
  readonly #underWay = new Set<Promise<unknown>>();
  /** Fetches that run without a lease, by key. */
  readonly #unleased = new Map<string, number>();
  fetches = 0;
  revoked = 0;

  constructor(parts: {
    access: StoreAccess;
    payloads: Payloads;
    wakeUps: WakeUps;
    pending: PendingInvalidations;
    emitter: Emitter;
    clock: Clock;
    random: () => number;
    livenessMs: number;
    closing: AbortSignal;
    renewals: Renewals;
  }) {
    this.#access = parts.access;
    this.#payloads = parts.payloads;
    this.#wakeUps = parts.wakeUps;
    this.#pending = parts.pending;
    this.#emitter = parts.emitter;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#livenessMs = parts.livenessMs;
    this.#closing = parts.closing;
    this.#renewals = parts.renewals;
  }

  /** The place of a caller that arrives now. */
  arrive(): number {
    return ++sequence;
  }

  /** The fill of a key that is under way, if callers may still join it. */
  running(key: string): Flight | undefined {
    return this.#flights.get(key);
  }

  /** Everything that runs, to be waited for when the cache is closed. */
  settle(): Promise<unknown> {
    return Promise.allSettled(this.#underWay);
  }

  /** Counts work among what runs, until it has ended. */
  follow<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const end = (): void => void this.#underWay.delete(work);
    work.then(end, end);
    return work;
  }

  /** Starts the fill of a key. There must be none that callers may join. */
  start(request: FillRequest): Flight {
    const { key } = request;
    const flight = new Flight(request.previous !== undefined || request.known >= 0, async (own) => {
      // One turn later, so that whoever came together joins before anything is asked.
      await null;
      try {
        return await this.#run(request, own);
      } catch (error) {
        return { kind: "error", error } as const;
      } finally {
        this.#detach(own, key);
      }
    });
    this.#flights.set(key, flight);
    void this.follow(flight.result);
    return flight;
  }

  /** Callers that come later start anew. */
  #detach(flight: Flight, key: string): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }

  /** Detaches the fills that an invalidation may cover which could not be applied: nothing will confirm them. */
  detachCovered(covers: (key: string) => boolean): void {
    for (const key of [...this.#flights.keys()]) if (covers(key)) this.#flights.delete(key);
  }

  async #run(request: FillRequest, flight: Flight): Promise<FillResult> {
    const { key } = request;
    const token = this.#access.leases.nextToken();
    let waiter = "";
    let alone = false;
    let { known } = request;
    for (let waits = 0; waits < MAX_WAITS && !this.#pending.covers(key, null); waits++) {
      const wait = waiter === "" ? undefined : this.#wakeUps.expect(key);
      try {
        flight.since = sequence;
        const taken = await this.#access.leases
          .take(key, token, this.#livenessMs, waiter, known)
          .catch(() => undefined);
        if (taken === undefined) break;
        if (taken.kind === "found") {
          const entry = parseEntry(taken.entry);
          if (entry !== null && entry.codecId === this.#payloads.codec.id) return { kind: "entry", entry };
          // Bytes that look like a usable entry to the store and are none: to be overwritten.
          known = Number.MAX_SAFE_INTEGER;
          continue;
        }
        if (taken.kind === "granted") {
          const entry = taken.entry === null ? null : parseEntry(taken.entry);
          if (entry?.codecId === this.#payloads.codec.id) flight.previous = entry;
          if (flight.previous !== undefined) flight.replaces = true;
          return await this.#fetchLeased(request, token, request.previous ?? flight.previous, flight);
        }
        if (alone) break;
        if (this.#emitter.wants("fetch:join"))
          this.#emitter.emit("fetch:join", { key: request.publicKey, where: "store" });
        if (wait === undefined) {
          // From now on this process is told how fills end; ask again, so that the holder knows.
          if (await this.#wakeUps.listen()) waiter = this.#access.processId;
          else await this.#pauseFor(Math.min(25, taken.livenessMs));
          continue;
        }
        const outcome = await this.#outcomeWithin(
          wait.outcomeOf(taken.token),
          taken.livenessMs + TAKEOVER_SLACK_MS,
        );
        // Confirmed by the lease's holder, and not stored: so it is nothing for those who waited, too.
        if (outcome === "n") return { kind: "value", value: null, stored: undefined };
        if (outcome === "u") return { kind: "value", value: undefined, stored: undefined };
        // The source fails, or gives values that are not to be shared: let every process find out for itself, but not
        // one after the other.
        if (outcome === "e") alone = true;
      } finally {
        wait?.end();
      }
    }
    return this.#fetchUnleased(request, flight);
  }

  async #fetchLeased(
    request: FillRequest,
    token: string,
    previous: ParsedEntry | undefined,
    flight: Flight,
  ): Promise<FillResult> {
    const { key } = request;
    const stopRenewing = this.#renewals.keep(key, token);
    flight.since = sequence;
    let { tags } = request;
    try {
      const began = this.#clock.monotonic();
      const fetched = await this.#fetch(request, previous);
      tags = tagsOf(request, fetched);
      const stored = this.#pack(request, fetched, this.#clock.monotonic() - began);
      if (stored === undefined) {
        const outcome = fetched.skip ? "e" : fetched.value === null ? "n" : "u";
        this.#detach(flight, key);
        flight.confirmed = await this.#release(key, token, outcome, tags);
        return { kind: "value", value: fetched.value, stored: undefined };
      }
      this.#detach(flight, key);
      const accepted = await this.#fill(request, stored, token);
      flight.confirmed = accepted === true;
      flight.refused = accepted === false;
      return { kind: "value", value: fetched.value, stored };
    } catch (error) {
      this.#detach(flight, key);
      flight.confirmed = await this.#release(key, token, "e", tags);
      return { kind: "error", error };
    } finally {
      stopRenewing();
    }
  }

  /**
   * Without the store nothing can be confirmed, so a caller may only have what was fetched after it came. Callers that
   * come while such a fetch runs are gathered for a moment and share the next.
   */
  async #fetchUnleased(request: FillRequest, flight: Flight): Promise<FillResult> {
    const { key } = request;
    const running = this.#unleased.get(key) ?? 0;
    if (running > 0) await this.#pauseFor(GATHER_MS);
    flight.since = sequence;
    this.#detach(flight, key);
    this.#unleased.set(key, (this.#unleased.get(key) ?? 0) + 1);
    try {
      const began = this.#clock.monotonic();
      const fetched = await this.#fetch(request, request.previous);
      const stored = this.#pack(request, fetched, this.#clock.monotonic() - began);
      return { kind: "value", value: fetched.value, stored };
    } catch (error) {
      return { kind: "error", error };
    } finally {
      const left = (this.#unleased.get(key) ?? 1) - 1;
      if (left === 0) this.#unleased.delete(key);
      else this.#unleased.set(key, left);
    }
  }

  async #fetch(request: FillRequest, previous: ParsedEntry | undefined): Promise<Fetched> {
    const { publicKey: key, background, scopePrefix } = request;
    const fetched = await this.tellFetch(key, background, () =>
      runFetcher({
        key,
        fetches: { of: this, keys: [request.key] },
        fetcher: request.fetcher,
        previous: previous === undefined ? undefined : this.#readPrevious(previous, request.key),
        hardMs: request.options.hardMs,
        signal: request.signal,
        closing: this.#closing,
        clock: this.#clock,
      }),
    );
    return { ...fetched, tags: fetched.tags.map((tag) => scopePrefix + tag) };
  }

  /** Counts a fetch and tells of its beginning and its end. */
  async tellFetch<T>(key: string, background: boolean, fetch: () => Promise<T>): Promise<T> {
    const emitter = this.#emitter;
    this.fetches++;
    if (emitter.wants("fetch:start")) emitter.emit("fetch:start", { key, background });
    const began = this.#clock.monotonic();
    try {
      const fetched = await fetch();
      if (emitter.wants("fetch:end")) {
        emitter.emit("fetch:end", { key, background, durationMs: this.#clock.monotonic() - began });
      }
      return fetched;
    } catch (error) {
      if (emitter.wants("fetch:error")) {
        const durationMs = this.#clock.monotonic() - began;
        emitter.emit("fetch:error", { key, background, error, durationMs });
      }
      throw error;
    }
  }

  #readPrevious(entry: ParsedEntry, key: string): { value: unknown; ageMs: number } | undefined {
    try {
      const ageMs = Math.max(0, this.#access.store.serverNow(this.#access.keys.entry(key)) - entry.createdAt);
      return { value: this.#payloads.unpack(entry), ageMs };
    } catch {
      return undefined;
    }
  }

  /** `undefined`: the value is not to be stored. */
  #pack(request: FillRequest, fetched: Fetched, costMs: number): StoredParts | undefined {
    const { value } = fetched;
    const { options } = request;
    if (value === undefined || fetched.skip || (value === null && options.nullMs === 0)) return undefined;
    const tags = tagsOf(request, fetched);
    const ttlMs = fetched.ttlMs ?? (value === null ? options.nullMs : options.ttlMs);
    const freshMs = spread(ttlMs, options.jitter, this.#random);
    const staleMs = fetched.staleMs ?? (value === null ? 0 : options.staleMs);
    const totalMs = freshMs + staleMs + (value === null ? 0 : options.failSafeMs);
    return {
      parts: this.#payloads.pack(request.publicKey, value, tags, options.earlyRefresh > 0 ? costMs : 0),
      freshMs,
      totalMs,
      tags,
    };
  }

  /** Whether the store took it; `undefined`: it did not answer. */
  async #fill(request: FillRequest, stored: StoredParts, token: string): Promise<boolean | undefined> {
    const { key, publicKey } = request;
    try {
      const accepted = await this.#access.leases.fill({ key, ...stored }, token);
      this.tellOutcome(publicKey, accepted);
      return accepted;
    } catch {
      // Not stored as far as is known; the value is right all the same for those who asked before its fetch.
      return undefined;
    }
  }

  /** Counts what the store said of a fill, and tells of it. */
  tellOutcome(key: string, accepted: boolean): void {
    const event = accepted ? "fill:stored" : "fill:revoked";
    if (!accepted) this.revoked++;
    if (this.#emitter.wants(event)) this.#emitter.emit(event, { key });
  }

  async #release(key: string, token: string, outcome: Unstored, tags: readonly string[]): Promise<boolean> {
    try {
      return await this.#access.leases.release(key, token, outcome, tags);
    } catch {
      return false;
    }
  }

  async #outcomeWithin(ending: Promise<Outcome>, ms: number): Promise<Outcome> {
    let cancel: () => void = () => {};
    const timeout = new Promise<Outcome>((resolve) => {
      cancel = this.#clock.after(Math.max(1, ms), () => resolve("?"));
    });
    try {
      return await Promise.race([ending, timeout]);
    } finally {
      cancel();
    }
  }

  #pauseFor(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(Math.max(1, ms), resolve);
    });
  }
}

/** The tags of a result: the caller's and the fetcher's. */
function tagsOf(request: FillRequest, fetched: Fetched): readonly string[] {
  return fetched.tags.length === 0 ? request.tags : [...new Set([...request.tags, ...fetched.tags])];
}

/** A duration shortened by a random share of at most `jitter`, in whole ms. */
export function spread(ms: number, jitter: number, random: () => number): number {
  return jitter === 0 ? ms : Math.max(1, Math.round(ms * (1 - jitter * random())));
}
