import {
  type Cache,
  type CacheEntry,
  type InvalidationEventPayload,
  InvalidOptionError,
  TypedEmitter,
} from "@crm/cache-core";
import { inTime } from "../internal/in-time.ts";
import { KnownKeys } from "./internal/known-keys.ts";
import { lookAtEntry, type Sight, sameEntry } from "./internal/look-at-entry.ts";
import { type Look, METER_EVENTS, type MeterEvents, type ObservedInvalidation } from "./meter-events.ts";
import { type ConsistencyMeterOptions, resolveMeterOptions } from "./meter-options.ts";
import { structurallyEqual } from "./structurally-equal.ts";

/** Measures how consistent a cache is with its source. Made by `createConsistencyMeter`. */
export interface ConsistencyMeter extends AsyncDisposable {
  /**
   * Tells of an invalidation: what happened, and the keys that should be gone. To be called whether or not the invalidation
   * worked; the meter finds out. Costs one random number a key.
   *
   * @throws InvalidOptionError when `keys` is no iterable, or a text
   */
  observe(event: unknown, keys: Iterable<string>): void;
  /** Listens to an event; returns the function that ends it. */
  on<E extends keyof MeterEvents>(event: E, handler: (payload: MeterEvents[E]) => void): () => void;
  /** Figures since the meter was made. */
  getStats(): MeterStats;
  /** Stops listening, forgets what is pending, and gives up looks under way. May be called twice. */
  close(): Promise<void>;
}

/** Figures of a meter. */
export interface MeterStats {
  /** Keys of invalidations that it was told of. */
  readonly observed: number;
  /** Of them, taken as samples, and not taken since `maxPending` were. */
  readonly sampled: number;
  readonly dropped: number;
  /** Samples in memory, and remembered keys. */
  readonly pending: number;
  readonly trackedKeys: number;
  readonly delays: readonly DelayStats[];
}

/** What the rechecks after one delay found. */
export interface DelayStats {
  readonly delaySeconds: number;
  /** Nothing cached (any more), or the same as the source. */
  readonly consistent: number;
  /** Differed at first and not at the second look: a change or an invalidation was under way. */
  readonly notYet: number;
  /** Differed twice, the same entry from the same truth. */
  readonly stuck: number;
  /** The source could not tell, or the entry was past its freshness. */
  readonly unknown: number;
  /** consistent / (consistent + stuck), 0 to 1; `null` before the first. */
  readonly share: number | null;
  /** The same as nines: 0.999 is 3. `null` while nothing was stuck, or nothing was checked. */
  readonly nines: number | null;
}

/** What the meter needs of a cache. */
export type MeteredCache = Pick<Cache, "lookup" | "on">;

interface Sample {
  readonly key: string;
  readonly sinceMs: number;
  readonly invalidations: ObservedInvalidation[];
  readonly looks: Look[];
  /** Which delay comes next. */
  step: number;
  /** What the first look of this step saw, when it differed. */
  first: Extract<Sight, { result: "differs" }> | undefined;
  reported: boolean;
}

interface Tally {
  consistent: number;
  notYet: number;
  stuck: number;
  unknown: number;
}

const MAX_INVALIDATIONS = 20;
/** A source, or a history, that takes longer cannot tell. */
const LOOK_MS = 10_000;

/**
 * Makes a meter: it samples a share of the invalidated keys and rechecks them after some minutes against the source. Two
 * looks tell an entry that is stuck from one whose invalidation is under way; each stuck one is reported with its history.
 *
 * Modelled on Meta's Polaris, which checks the replicas of its caches against one another after invalidation events at
 * several time scales ("Cache made consistent", Engineering at Meta, 2022).
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function createConsistencyMeter(
  cache: MeteredCache,
  options: ConsistencyMeterOptions,
): ConsistencyMeter {
  if (typeof cache?.lookup !== "function" || typeof cache.on !== "function") {
    throw new InvalidOptionError({ option: "cache", received: cache, expected: "a cache of createCache" });
  }
  const resolved = resolveMeterOptions(options);
  const { sampleRate, delaysMs, graceMs, equals, source, maxPending, clock, random, logger } = resolved;
  const emitter = new TypedEmitter<MeterEvents>(METER_EVENTS, (error) =>
    logger.error({ error }, "meter: a listener threw"),
  );
  const known = new KnownKeys(resolved.trackKeys);
  const tallies: Tally[] = delaysMs.map(() => ({ consistent: 0, notYet: 0, stuck: 0, unknown: 0 }));
  const samples = new Map<string, Set<Sample>>();
  /** Waiting samples by what they wait for: a delay, or (the last) the second look. Each in the order of its due times. */
  const queues: { readonly dueMs: number; readonly sample: Sample }[][] = [...delaysMs.map(() => []), []];
  const second = queues.length - 1;
  /** What is due, from `taken` on: to shift a long array is to move it. */
  let ready: Sample[] = [];
  let taken = 0;
  const looking = new Set<Promise<void>>();
  let counts = { observed: 0, sampled: 0, dropped: 0, pending: 0 };
  let timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  let closed = false;
  const ending = new AbortController();
  const limits = { clock, ms: LOOK_MS, signal: ending.signal };

  function observe(what: unknown, keys: Iterable<string>): void {
    if (closed) return;
    // A text is iterable, too: each of its characters would be taken for a key.
    if (typeof keys === "string" || typeof keys?.[Symbol.iterator] !== "function") {
      throw new InvalidOptionError({ option: "keys", received: keys, expected: "an iterable of keys" });
    }
    for (const key of keys) {
      counts.observed += 1;
      const others = samples.get(key);
      const taken = random() < sampleRate;
      if (others === undefined && !taken) continue;
      const invalidation = { at: new Date(clock.wall()), what };
      for (const { invalidations } of others ?? []) {
        if (invalidations.length < MAX_INVALIDATIONS) invalidations.push(invalidation);
      }
      if (taken) take(key, invalidation);
    }
  }

  function take(key: string, invalidation: ObservedInvalidation): void {
    if (counts.pending >= maxPending) {
      counts.dropped += 1;
      return;
    }
    counts.sampled += 1;
    counts.pending += 1;
    const sample: Sample = {
      key,
      sinceMs: clock.monotonic(),
      invalidations: [invalidation],
      looks: [],
      step: 0,
      first: undefined,
      reported: false,
    };
    const others = samples.get(key);
    if (others === undefined) samples.set(key, new Set([sample]));
    else others.add(sample);
    schedule(sample);
  }

  /** Puts a sample where it waits for its next delay, or lets it go after the last. */
  function schedule(sample: Sample): void {
    const delayMs = delaysMs[sample.step];
    if (delayMs !== undefined) {
      enqueueSample(sample.step, sample.sinceMs + delayMs, sample);
      return;
    }
    counts.pending -= 1;
    const others = samples.get(sample.key);
    others?.delete(sample);
    if (others?.size === 0) samples.delete(sample.key);
  }

  function enqueueSample(queue: number, dueMs: number, sample: Sample): void {
    const waiting = queues[queue] as (typeof queues)[number];
    let place = waiting.length;
    // Near the end: samples come almost in this order.
    while (place > 0 && (waiting[place - 1] as { dueMs: number }).dueMs > dueMs) place -= 1;
    waiting.splice(place, 0, { dueMs, sample });
    setTimer();
  }

  function setTimer(): void {
    if (closed) return;
    const dueMs = Math.min(...queues.map((queue) => queue[0]?.dueMs ?? Number.POSITIVE_INFINITY));
    if (dueMs === Number.POSITIVE_INFINITY || (timer !== undefined && timer.dueMs <= dueMs)) return;
    timer?.cancel();
    timer = { dueMs, cancel: clock.after(Math.max(1, dueMs - clock.monotonic()), onTimer) };
  }

  function onTimer(): void {
    timer = undefined;
    const now = clock.monotonic();
    for (const queue of queues) {
      let due = 0;
      while (due < queue.length && (queue[due] as { dueMs: number }).dueMs <= now) due += 1;
      for (const { sample } of queue.splice(0, due)) ready.push(sample);
    }
    setTimer();
    work();
  }

  function work(): void {
    while (!closed && looking.size < resolved.concurrency) {
      const sample = ready[taken++];
      if (sample === undefined) {
        ready = [];
        taken = 0;
        return;
      }
      const look = check(sample).finally(() => {
        looking.delete(look);
        work();
      });
      looking.add(look);
    }
  }

  async function check(sample: Sample): Promise<void> {
    let sight: Sight;
    const at = new Date(clock.wall());
    try {
      const look = lookAtEntry(sample.key, { lookup: (key) => cache.lookup(key), source, equals });
      sight = await inTime(look, limits);
    } catch (error) {
      if (closed) return;
      sight = { result: "unknown" };
      emitter.emit("check:failed", () => ({ key: sample.key, error }));
    }
    if (closed) return;
    sample.looks.push({ at, result: sight.result });
    const { first } = sample;
    if (sight.result === "differs" && first === undefined) {
      sample.first = sight;
      // The second look: nothing is said about an entry before its change has had time to arrive.
      enqueueSample(second, clock.monotonic() + graceMs, sample);
      return;
    }
    await judge(sample, first, sight);
    sample.first = undefined;
    sample.step += 1;
    schedule(sample);
  }

  async function judge(sample: Sample, first: Sample["first"], last: Sight): Promise<void> {
    const tally = tallies[sample.step] as Tally;
    if (last.result === "stale" || last.result === "unknown") {
      tally.unknown += 1;
    } else if (first === undefined) {
      // An entry that is being written this moment is as consistent as can be known.
      if (last.result === "moving") tally.notYet += 1;
      else tally.consistent += 1;
    } else if (
      last.result === "differs" &&
      sameEntry(first.entry, last.entry) &&
      structurallyEqual(first.source, last.source)
    ) {
      tally.stuck += 1;
      await report(sample, last.entry, last.source);
    } else {
      tally.notYet += 1;
    }
  }

  async function report(sample: Sample, entry: CacheEntry, truth: unknown): Promise<void> {
    const { key, invalidations, looks, reported } = sample;
    const delaySeconds = (delaysMs[sample.step] as number) / 1000;
    sample.reported = true;
    let history: unknown;
    try {
      history = await inTime((async () => resolved.historyOf?.(key))(), limits);
    } catch (error) {
      if (!closed) emitter.emit("check:failed", () => ({ key, error }));
    }
    const { createdAt, ttl, expiresIn, tags, tier } = entry;
    logger.error({ key, delaySeconds, createdAt }, "meter: a cached entry stays different from its source");
    emitter.emit("anomaly:found", () => ({
      key,
      delaySeconds,
      repeated: reported,
      entry: { createdAt, ttl, expiresIn, tags, tier },
      cached: entry.value,
      source: truth,
      invalidations: [...invalidations],
      looks: [...looks],
      history,
    }));
  }

  /** The keys of an invalidation as far as they can be known. A soft one may leave old values, and says so. */
  function onApplied(payload: InvalidationEventPayload): void {
    if (payload.soft) return;
    const { keys, tags, patterns, soft } = payload;
    const what = { keys, tags, patterns, soft };
    const all = new Set([...keys, ...known.matching(patterns)]);
    try {
      for (const key of resolved.keysOf?.(what) ?? []) all.add(key);
    } catch (error) {
      logger.error({ error }, "meter: keysOf failed");
    }
    observe(what, all);
  }

  const endings = [cache.on("invalidation:applied", onApplied)];
  if (resolved.trackKeys > 0) {
    endings.push(cache.on("fill:stored", ({ key }) => known.add(key)));
    endings.push(cache.on("entry:set", ({ key }) => known.add(key)));
  }

  async function close(): Promise<void> {
    closed = true;
    ending.abort();
    for (const end of endings.splice(0)) end();
    timer?.cancel();
    timer = undefined;
    for (const queue of queues) queue.length = 0;
    ready = [];
    taken = 0;
    samples.clear();
    counts = { ...counts, pending: 0 };
    await Promise.all(looking);
  }

  return {
    observe,
    on: (event, handler) => emitter.on(event, handler),
    getStats: () => ({
      ...counts,
      trackedKeys: known.size,
      delays: tallies.map((tally, i) => ({
        delaySeconds: (delaysMs[i] as number) / 1000,
        ...tally,
        ...share(tally),
      })),
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function share({ consistent, stuck }: Tally): Pick<DelayStats, "share" | "nines"> {
  const decided = consistent + stuck;
  if (decided === 0) return { share: null, nines: null };
  return { share: consistent / decided, nines: stuck === 0 ? null : -Math.log10(stuck / decided) };
}
