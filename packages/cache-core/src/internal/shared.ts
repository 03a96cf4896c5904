import { checkMethods, checkOptionNames, isOptions, type OptionNames } from "../check-options.ts";
import type { Clock } from "../clock.ts";
import { parseDuration } from "../duration.ts";
import { InvalidOptionError } from "../errors.ts";
import { jsonCodec } from "../json-codec.ts";
import { KeySpace } from "../key-space.ts";
import { type Logger, silentLogger } from "../logger.ts";
import type { CacheOptions, CompressionOptions } from "../options.ts";
import { redactCause } from "../redact.ts";
import { type ResolvedEntryOptions, resolveEntryDefaults, resolveMemoryTier } from "../resolve-options.ts";
import type { Store } from "../store.ts";
import type { Coverage } from "./coverage.ts";
import { Emitter } from "./emitter.ts";
import { Fills } from "./fills.ts";
import { LocalTier } from "./local-tier.ts";
import { Lookups } from "./lookups.ts";
import { Payloads, type ResolvedCompression } from "./payloads.ts";
import { PendingInvalidations } from "./pending-invalidations.ts";
import { Renewals } from "./renewals.ts";
import { SourceThrottle } from "./source-throttle.ts";
import { StoreAccess } from "./store-access.ts";
import { WakeUps } from "./wake-ups.ts";
import { withoutScope } from "./without-scope.ts";

/** What a cache and its scopes have in common. */
export interface Shared {
  readonly namespace: string;
  readonly store: Store;
  readonly keys: KeySpace;
  readonly access: StoreAccess;
  readonly payloads: Payloads;
  readonly tier: LocalTier | null;
  readonly fills: Fills;
  readonly renewals: Renewals;
  readonly wakeUps: WakeUps;
  readonly pending: PendingInvalidations;
  /** Keys whose source is left alone after a failure. */
  readonly throttle: SourceThrottle;
  /** Aborts when the cache is closed. */
  readonly closing: AbortSignal;
  readonly emitter: Emitter;
  readonly defaults: ResolvedEntryOptions;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly livenessMs: number;
  readonly lookups: Lookups;
  readonly counters: Counters;
  /** Warnings of the store by code, for `getStats`. */
  readonly warnings: Map<string, string>;
  readonly isClosed: () => boolean;
  close(): Promise<void>;
}

export interface Counters {
  hits: number;
  misses: number;
  staleServed: number;
}

/** Puts the parts of a cache together. */
export function createShared(options: CacheOptions, namespace: string, clock: Clock): Shared {
  const { store } = options;
  checkMethods("logger", options.logger, ["debug", "info", "warn", "error"]);
  checkMethods("clock", options.clock, ["monotonic", "wall", "after"]);
  checkCodec(options.codec);
  if (options.random !== undefined && typeof options.random !== "function") {
    throw new InvalidOptionError({ option: "random", received: options.random, expected: "a function" });
  }
  const logger = options.logger ?? silentLogger;
  const random = options.random ?? Math.random;
  const livenessMs = options.leaseTtl === undefined ? 3_000 : parseDuration(options.leaseTtl, "leaseTtl");
  if (livenessMs < 250 || livenessMs > 60_000) {
    throw new InvalidOptionError({
      option: "leaseTtl",
      received: options.leaseTtl,
      expected: "a duration from 250 ms to 60 s",
    });
  }
  const defaults = resolveEntryDefaults(options.defaults);
  const memory = resolveMemoryTier(options.memory);
  const payloads = new Payloads(options.codec ?? jsonCodec(), resolveCompression(options.compression));
  const release = store.retain();

  const warnings = new Map<string, string>();
  const emitter = new Emitter((error) => logger.error({ err: error }, "A listener of a cache event failed"));
  const onBackgroundError = (where: string, error: unknown): void => {
    logger.warn({ err: redactCause(error), where }, "Background work of the cache failed");
    if (emitter.wants("background:error")) emitter.emit("background:error", { where, error });
  };
  const keys = new KeySpace(namespace, store.buckets);
  const access = new StoreAccess(store, keys, defaults.ttlMs, onBackgroundError, clock, random);
  const wakeUps = new WakeUps(store, keys.wakeChannel(access.processId));
  const tier =
    memory === null
      ? null
      : new LocalTier(
          ...([store, keys.bus, access.processId, memory, clock] as const),
          (reason) => {
            logger.info({ reason }, "The in-process tier was emptied: it may have missed invalidations");
            if (emitter.wants("tier:flush")) emitter.emit("tier:flush", { reason });
          },
          (full, hits) => {
            if (emitter.sinks.length > 0) emitter.tellReads(withoutScope(full), "memory", hits);
          },
        );
  const pending = new PendingInvalidations(clock, async (coverage: Coverage) => {
    tier?.drop(coverage);
    const began = clock.monotonic();
    const removed = await access.invalidations.apply(coverage);
    tier?.drop(coverage);
    logger.info({ removed }, "A kept invalidation was applied");
    if (emitter.wants("invalidation:applied")) {
      const patterns = coverage.ranges.map((range) => range.prefix + range.glob);
      const { keys: names, tags, soft } = coverage;
      const durationMs = clock.monotonic() - began;
      const { record } = coverage;
      const what = { keys: names, tags, patterns, soft, ...(record === undefined ? {} : { record }) };
      emitter.emit("invalidation:applied", { ...what, removed, durationMs });
    }
  });
  const closing = new AbortController();
  const renewals = new Renewals(access, clock, livenessMs);
  const fills = new Fills({
    renewals,
    access,
    payloads,
    wakeUps,
    pending,
    emitter,
    clock,
    random,
    livenessMs,
    closing: closing.signal,
  });

  let downSince: number | null = null;
  const offAvailability = store.onAvailability((available) => {
    if (available) {
      const downMs = downSince === null ? 0 : clock.monotonic() - downSince;
      if (downSince !== null) {
        logger.info({ downMs }, "The store answers again");
        if (emitter.wants("store:up")) emitter.emit("store:up", { downMs });
      }
      downSince = null;
      pending.wake();
      access.wake();
    } else if (!closed) {
      downSince ??= clock.monotonic();
      logger.warn(
        {},
        "The store does not answer; reads go to the source, invalidations are kept and retried",
      );
      if (emitter.wants("store:down")) emitter.emit("store:down", { reason: "no answer" });
    }
  });
  let lastConnectionWarning = Number.NEGATIVE_INFINITY;
  const offWarning = store.onWarning((warning) => {
    const { code, message } = warning;
    if (code === "CONNECTION") {
      // One line a second says as much as a thousand.
      if (clock.monotonic() - lastConnectionWarning < 1_000) return;
      lastConnectionWarning = clock.monotonic();
    } else if (code === "EVICTION_POLICY") {
      warnings.set(code, message);
    }
    logger.warn({ code, key: warning.key, err: redactCause(warning.cause) }, message);
    if (emitter.wants("store:warning")) emitter.emit("store:warning", { code, message });
  });
  if (store.available && store.topology !== "memory") access.checkIndexes();

  let closed = false;
  let closePromise: Promise<void> | undefined;
  const shared: Shared = {
    namespace,
    store,
    keys,
    access,
    payloads,
    tier,
    fills,
    renewals,
    wakeUps,
    pending,
    throttle: new SourceThrottle(clock),
    closing: closing.signal,
    emitter,
    defaults,
    clock,
    random,
    logger,
    livenessMs,
    lookups: new Lookups(),
    counters: { hits: 0, misses: 0, staleServed: 0 },
    warnings,
    isClosed: () => closed,
    close() {
      closePromise ??= (async () => {
        closed = true;
        closing.abort();
        await settledWithin(fills.settle(), 1_000);
        offAvailability();
        offWarning();
        pending.close();
        renewals.close();
        access.close();
        await tier?.close();
        await wakeUps.close();
        await release();
      })();
      return closePromise;
    },
  };
  return shared;
}

/** Waits for work, but not for ever: a fetcher may ignore that its signal was aborted. */
async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function checkCodec(codec: CacheOptions["codec"]): void {
  if (codec === undefined) return;
  checkMethods("codec", codec, ["encode", "decode"]);
  if (!Number.isInteger(codec.id) || codec.id < 0 || codec.id > 15) {
    throw new InvalidOptionError({
      option: "codec.id",
      received: codec.id,
      expected: "a whole number from 0 to 15",
      advice: "8 to 15 are free for codecs of your own.",
    });
  }
}

const COMPRESSION_OPTIONS: OptionNames<CompressionOptions> = { thresholdBytes: true, algorithm: true };

function resolveCompression(option: CacheOptions["compression"]): ResolvedCompression | null {
  if (option === undefined || option === false) return null;
  if (option !== true && !isOptions(option)) {
    throw new InvalidOptionError({
      option: "compression",
      received: option,
      expected: "true, false or an object",
    });
  }
  if (option !== true) checkOptionNames(option, COMPRESSION_OPTIONS, "compression.");
  const { thresholdBytes = 1_024, algorithm = "deflate" } = option === true ? {} : option;
  if (!Number.isInteger(thresholdBytes) || thresholdBytes < 1) {
    throw new InvalidOptionError({
      option: "compression.thresholdBytes",
      received: thresholdBytes,
      expected: "a whole number above 0",
    });
  }
  if (algorithm !== "deflate" && algorithm !== "brotli") {
    throw new InvalidOptionError({
      option: "compression.algorithm",
      received: algorithm,
      expected: '"deflate" or "brotli"',
    });
  }
  return { thresholdBytes, algorithm };
}
