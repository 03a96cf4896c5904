import { type Meter, metrics, type Tracer } from "@opentelemetry/api";
import type { Cache } from "../cache.ts";
import { checkMethods, isOptions } from "../check-options.ts";
import { InvalidOptionError } from "../errors.ts";
import { CORE_SERIES, instrumentCore } from "./instrument-core.ts";
import { instrumentLimits, LIMITER_SERIES } from "./instrument-limits.ts";
import { instrumentLocks, LOCK_SERIES } from "./instrument-locks.ts";
import { templateFromSegments } from "./key-templates.ts";
import type { LimitFigures, LockEventSource } from "./sources.ts";
import { SERIES_OF_A_TEMPLATE, TemplateTable } from "./template-table.ts";
import { traceFetches } from "./trace-fetches.ts";

export type { LimitFigures, LockEventSource };

/** Options of `instrumentCache`. */
export interface InstrumentCacheOptions {
  /** @default `metrics.getMeter("@crm/cache-core")` of the global provider, as it is at the moment of the call */
  meter?: Meter | undefined;
  /** Makes a span of every fetch, in the context of the reader that started it. @default none */
  tracer?: Tracer | undefined;
  /**
   * The template of a key; the key itself must never become part of a name. `undefined`, and whatever there are too many
   * of, is counted as `other`. Runs at every read that the in-process tier does not answer.
   * @default templateFromSegments
   */
  template?: ((key: string) => string | undefined) | undefined;
  /**
   * How many time series there may be, whatever keys are used: as Prometheus counts, each bucket of a histogram is one.
   * What concerns no template takes 37, locks 10 more and each limiter 4; a template takes up to 8. Up to 10,000.
   * @default 200
   */
  maxSeries?: number | undefined;
  /** Locks whose events are counted. */
  locks?: LockEventSource | undefined;
  /** Limiters whose decisions are counted; at most 16, with names of their own. */
  limiters?: readonly LimitFigures[] | undefined;
}

/** What `instrumentCache` has begun. */
export interface Instrumentation {
  /** Ends it: instruments tell nothing any more, and nothing is listened to. */
  stop(): void;
}

/**
 * Tells OpenTelemetry what a cache does, its scopes included: reads by outcome, tier and key template, fetches, waits,
 * revoked fills, invalidations, the in-process tier and the store; on request also locks and limiters.
 *
 * A hit of the in-process tier costs what it cost before: such hits are counted on their entries and added up when the
 * figures are collected. A collection asks the store for its figures, two short commands (one more a slot group in a
 * Cluster), bounded by its deadline; while the store is away what it would have told is left out.
 *
 * ```ts
 * const instrumentation = instrumentCache(cache, { template: keyTemplates(["companies:{id}", "companies:list:*"]) });
 * ```
 * Attributes and names follow the semantic conventions of OpenTelemetry, which define none for caches: all begin with `crm.cache.`.
 *
 * @throws InvalidOptionError
 */
export function instrumentCache(cache: Cache, options: InstrumentCacheOptions = {}): Instrumentation {
  if (typeof (cache as Cache | null)?.internals?.countReads !== "function") {
    throw new InvalidOptionError({
      option: "cache",
      received: cache,
      expected: "a cache, as `createCache` makes it",
    });
  }
  const { locks, limiters, maxTemplates, template, tracer } = checkOptions(options);
  const meter = options.meter ?? metrics.getMeter("@crm/cache-core");
  const table = new TemplateTable(template, maxTemplates);
  const stops = [instrumentCore(cache, meter, table)];
  if (locks !== undefined) stops.push(instrumentLocks(cache, meter, locks));
  if (limiters.length > 0) stops.push(instrumentLimits(cache, meter, limiters));
  if (tracer !== undefined) stops.push(traceFetches(cache, tracer, table));
  return {
    stop() {
      for (const stop of stops.splice(0)) stop();
    },
  };
}

function checkOptions(options: InstrumentCacheOptions) {
  if (!isOptions(options)) {
    throw new InvalidOptionError({ option: "options", received: options, expected: "an object" });
  }
  const { locks, limiters = [], maxSeries = 200, template = templateFromSegments, tracer } = options;
  checkMethods("meter", options.meter, ["createHistogram", "createObservableCounter"]);
  checkMethods("tracer", tracer, ["startSpan"]);
  checkMethods("locks", locks, ["on"]);
  if (typeof template !== "function") {
    throw new InvalidOptionError({ option: "template", received: template, expected: "a function" });
  }
  if (!Array.isArray(limiters) || limiters.length > 16) {
    throw new InvalidOptionError({
      option: "limiters",
      received: limiters,
      expected: "an array of at most 16 limiters",
    });
  }
  for (const limiter of limiters) checkMethods("limiters", limiter ?? null, ["getStats"]);
  const fixed = CORE_SERIES + (locks === undefined ? 0 : LOCK_SERIES) + limiters.length * LIMITER_SERIES;
  // One template of its own, and `other`.
  const least = fixed + 2 * SERIES_OF_A_TEMPLATE;
  if (!Number.isInteger(maxSeries) || maxSeries < least || maxSeries > 10_000) {
    throw new InvalidOptionError({
      option: "maxSeries",
      received: maxSeries,
      expected: `a whole number from ${least} to 10000`,
    });
  }
  const maxTemplates = Math.floor((maxSeries - fixed) / SERIES_OF_A_TEMPLATE);
  return { locks, limiters: limiters as readonly LimitFigures[], maxTemplates, template, tracer };
}
