import type { Clock } from "../clock.ts";
import { type ParsedEntry, parseEntry } from "../entry.ts";
import type { Emitter } from "./emitter.ts";
import { type Fetched, FetcherCall, type FetchRequest } from "./fetcher-call.ts";
import { type FillRequest, type FillResult, Flight, type StoredParts } from "./flight.ts";
import { type LeaseReply, UNSEEN, type Unstored } from "./lease-calls.ts";
import type { Payloads } from "./payloads.ts";
import type { PendingInvalidations } from "./pending-invalidations.ts";
import type { Renewals } from "./renewals.ts";
import { spread } from "./spread.ts";
import type { StoreAccess } from "./store-access.ts";
import type { Outcome, WakeUps } from "./wake-ups.ts";

/** Without the store, callers that come while a fetch runs wait this long for one another before the next begins. */
const GATHER_MS = 10;
/** Before a value is offered to the store again; then twice as long each time, up to the second. Others wait for the lease meanwhile. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 100;
/** A value is offered for so long at most. */
const OFFERED_MS = 1_000;
/** Beyond the liveness of a lease, before a waiter asks whether its holder is dead. */
const TAKEOVER_SLACK_MS = 20;
/** How often a caller waits for others' fills before it fetches for itself. */
const MAX_WAITS = 64;

/** Where a caller stands in the order of events of this process. */
let sequence = 0;

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
    const flight = new Flight(request, (own) => this.#run(request, own));
    this.#flights.set(request.key, flight);
    this.#underWay.add(flight.result);
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

  /** Never rejects. */
  async #run(request: FillRequest, flight: Flight): Promise<FillResult> {
    const { key } = request;
    // One turn later, so that whoever came together joins before anything is asked.
    await null;
    try {
      const token = this.#access.leases.nextToken();
      let waiter = "";
      let alone = false;
      let { known } = request;
      for (let waits = 0; waits < MAX_WAITS && !this.#pending.covers(key, null); waits++) {
        const wait = waiter === "" ? undefined : this.#wakeUps.expect(key);
        try {
          flight.since = sequence;
          let taken: LeaseReply;
          try {
            const { leases } = this.#access;
            taken = await leases.take(key, token, this.#livenessMs, waiter, flight.missed ? known : UNSEEN);
          } catch {
            break;
          }
          if (taken.kind === "found") {
            const entry = parseEntry(taken.entry);
            if (entry !== null && entry.codecId === this.#payloads.codec.id) return { kind: "entry", entry };
            // Bytes that look like a usable entry to the store and are none: to be overwritten.
            known = Number.MAX_SAFE_INTEGER;
            continue;
          }
          if (!flight.missed && taken.entry !== null) {
            this.#detach(flight, key);
            if (taken.kind === "granted") await this.#release(key, token, "r", []);
            return { kind: "look" };
          }
          flight.miss();
          if (taken.kind === "granted") {
            const entry = taken.entry === null ? null : parseEntry(taken.entry);
            if (entry?.codecId === this.#payloads.codec.id) flight.replace(entry);
            return await this.#fetchLeased(request, token, flight);
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
      // Without a lease a value may be had that is stored: the store may answer reads, or what waits may not concern it.
      if (!flight.missed || request.onlyToStore) return { kind: "look" };
      return await this.#fetchUnleased(request, flight);
    } catch (error) {
      return { kind: "error", error };
    } finally {
      this.#detach(flight, key);
      this.#underWay.delete(flight.result);
    }
  }

  async #fetchLeased(request: FillRequest, token: string, flight: Flight): Promise<FillResult> {
    const { key } = request;
    this.#renewals.keep(key, token);
    flight.token = token;
    flight.since = sequence;
    let { tags } = request;
    try {
      const fetched = await this.#fetch(request, request.previous ?? flight.previous);
      tags = withMore(tags, fetched.tags);
      const stored = this.#pack(request, fetched, tags);
      this.#detach(flight, key);
      if (stored === undefined) {
        const outcome = fetched.skip ? "e" : fetched.value === null ? "n" : "u";
        flight.confirmed = await this.#release(key, token, outcome, tags);
      } else {
        try {
          const accepted = await this.#access.leases.fill({ key, ...stored }, token, request.onlyToStore);
          this.tellOutcome(request.publicKey, accepted);
          flight.confirmed = accepted;
          flight.refused = !accepted;
        } catch {
          // Not stored as far as is known; the value is right all the same for those who asked before its fetch.
        }
      }
      return { kind: "value", value: fetched.value, stored };
    } catch (error) {
      this.#detach(flight, key);
      flight.confirmed = await this.#release(key, token, "e", tags);
      return { kind: "error", error };
    } finally {
      this.#renewals.drop(token);
    }
  }

  /**
   * Offers a value again that the store neither took nor refused, for a second at most, while its lease may stand: what was invalidated
   * since is refused as ever.
   *
   * @returns whether it is stored; `false` also where an earlier offer was taken and only its answer was lost
   */
  async storeAgain(
    { key, publicKey, signal }: Pick<FillRequest, "key" | "publicKey" | "signal">,
    token: string,
    stored: StoredParts,
  ): Promise<boolean> {
    let leftMs = Math.min(OFFERED_MS, this.#livenessMs);
    for (let pauseMs = FIRST_PAUSE_MS; leftMs > pauseMs; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      leftMs -= pauseMs;
      await this.#pauseFor(pauseMs);
      if (this.#closing.aborted || signal?.aborted || this.#pending.covers(key, null)) break;
      try {
        const accepted = await this.#access.leases.fill({ key, ...stored }, token, true);
        // Refused may be what was taken before.
        if (accepted) this.tellOutcome(publicKey, true);
        return accepted;
      } catch {
        // Still away.
      }
    }
    this.#access.leases.giveUp(key, token);
    return false;
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
      const fetched = await this.#fetch(request, request.previous);
      const stored = this.#pack(request, fetched, withMore(request.tags, fetched.tags));
      return { kind: "value", value: fetched.value, stored };
    } catch (error) {
      return { kind: "error", error };
    } finally {
      const left = (this.#unleased.get(key) ?? 1) - 1;
      if (left === 0) this.#unleased.delete(key);
      else this.#unleased.set(key, left);
    }
  }

  #fetch(request: FillRequest, previous: ParsedEntry | undefined): Promise<Fetched> {
    const { key, publicKey, fetcher, signal, background, scopePrefix, options } = request;
    const call: FetchRequest = {
      key: publicKey,
      fetches: { of: this, keys: [key] },
      fetcher,
      previous: previous === undefined ? undefined : this.#readPrevious(previous, key),
      hardMs: options.hardMs,
      signal,
      closing: this.#closing,
      clock: this.#clock,
    };
    return this.fetch(call, background, scopePrefix);
  }

  /** Calls a fetcher; counts the fetch, and tells of its beginning and its end. Its tags are given the scope's part. */
  async fetch(request: FetchRequest, background: boolean, scopePrefix: string): Promise<Fetched> {
    const emitter = this.#emitter;
    const { key } = request;
    this.fetches++;
    if (emitter.wants("fetch:start")) emitter.emit("fetch:start", { key, background });
    const began = this.#clock.monotonic();
    let call: FetcherCall | undefined;
    try {
      call = new FetcherCall(request);
      const value = await call.value;
      const tookMs = this.#clock.monotonic() - began;
      const fetched = call.fetched(value, tookMs, scopePrefix);
      if (emitter.wants("fetch:end")) emitter.emit("fetch:end", { key, background, durationMs: tookMs });
      return fetched;
    } catch (error) {
      if (emitter.wants("fetch:error")) {
        const durationMs = this.#clock.monotonic() - began;
        emitter.emit("fetch:error", { key, background, error, durationMs });
      }
      throw error;
    } finally {
      call?.end();
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
  #pack(request: FillRequest, fetched: Fetched, tags: readonly string[]): StoredParts | undefined {
    const { value, tookMs } = fetched;
    const { options } = request;
    if (value === undefined || fetched.skip || (value === null && options.nullMs === 0)) return undefined;
    const ttlMs = fetched.ttlMs ?? (value === null ? options.nullMs : options.ttlMs);
    const freshMs = spread(ttlMs, options.jitter, this.#random);
    const staleMs = fetched.staleMs ?? (value === null ? 0 : options.staleMs);
    const totalMs = freshMs + staleMs + (value === null ? 0 : options.failSafeMs);
    const costMs = options.earlyRefresh > 0 ? tookMs : 0;
    return { parts: this.#payloads.pack(request.publicKey, value, tags, costMs), freshMs, totalMs, tags };
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

/** The tags of a call with those of its fetcher. */
export function withMore(tags: readonly string[], more: readonly string[]): readonly string[] {
  return more.length === 0 ? tags : [...new Set([...tags, ...more])];
}
