import {
  checkOptionNames,
  type Duration,
  type EntityRules,
  InvalidOptionError,
  type OptionNames,
  parseDuration,
} from "@crm/cache-core";

/** What `createCacheInvalidator` takes beside the cache. */
export interface CacheInvalidatorOptions {
  /** Rules by entity: `crmRules`, `preciseCrmRules`, those of `defineRules`, or your own. @default {} */
  rules?: EntityRules | undefined;
  /** How many steps related entities are followed, 0 to 16. Cycles are safe. @default 1 */
  cascadeDepth?: number | undefined;
  /**
   * What becomes of entries that depend on the changed entity (`dependsOn`, `track`): `"together"` with the rules,
   * `"only"` instead of patterns and related entities (scoped ones are followed all the same), `"off"`. A rule may say
   * otherwise for its entity. @default "together"
   */
  dependencies?: "together" | "only" | "off" | undefined;
  /** A custom handler that takes longer is reported; `ids` of a relation that take longer have failed. @default "5s" */
  handlerTimeout?: Duration | undefined;
  /** The durable history, on the bus of the namespace. Give all processes the same. */
  history?: HistoryOptions | undefined;
}

/** How much of the history is kept. */
export interface HistoryOptions {
  /**
   * Invalidations that are kept, 1 to 1,000,000. Also how many a process may miss while it is cut off, and still
   * catch up on without forgetting what it holds in memory. @default 10_000
   */
  maxRecords?: number | undefined;
  /** None is kept longer. @default "7d" */
  maxAge?: Duration | undefined;
  /** Of these, in this process, for `getHistory` and `getStats`, 1 to 100,000. @default 1_000 */
  localRecords?: number | undefined;
  /**
   * Notes up to this many keys that go because of a dependency, so that `explain` knows them: one more question to the
   * store before each invalidation. 0 to 1,000. @default 100
   */
  tracedKeys?: number | undefined;
}

/** The options with everything decided. Times in ms. */
export interface ResolvedInvalidatorOptions {
  readonly rules: EntityRules;
  readonly cascadeDepth: number;
  readonly dependencies: "together" | "only" | "off";
  readonly handlerTimeoutMs: number;
  readonly maxRecords: number;
  readonly maxAgeMs: number;
  readonly localRecords: number;
  readonly tracedKeys: number;
}

const OPTIONS: OptionNames<CacheInvalidatorOptions> = {
  ...{ rules: true, cascadeDepth: true, dependencies: true, handlerTimeout: true, history: true },
};
const HISTORY: OptionNames<HistoryOptions> = {
  ...{ maxRecords: true, maxAge: true, localRecords: true, tracedKeys: true },
};

/** Checks and completes the options. @throws InvalidOptionError, InvalidDurationError */
export function resolveInvalidatorOptions(options: CacheInvalidatorOptions): ResolvedInvalidatorOptions {
  for (const [option, received] of [
    ["options", options],
    ["history", options?.history ?? {}],
  ] as const) {
    if (typeof received === "object" && received !== null) continue;
    throw new InvalidOptionError({ option, received, expected: "an object" });
  }
  const { rules = {}, dependencies = "together" } = options;
  const history = options.history ?? {};
  checkOptionNames(options, OPTIONS);
  checkOptionNames(history, HISTORY, "history.");
  if (typeof rules !== "object" || rules === null || Array.isArray(rules)) {
    throw new InvalidOptionError({
      option: "rules",
      received: rules,
      expected: "an object of rules by entity",
    });
  }
  if (dependencies !== "together" && dependencies !== "only" && dependencies !== "off") {
    throw new InvalidOptionError({
      option: "dependencies",
      received: dependencies,
      expected: '"together", "only" or "off"',
    });
  }
  return {
    rules,
    dependencies,
    cascadeDepth: whole(options.cascadeDepth, 1, "cascadeDepth", 0, 16),
    handlerTimeoutMs: parseDuration(options.handlerTimeout ?? "5s", "handlerTimeout"),
    maxRecords: whole(history.maxRecords, 10_000, "history.maxRecords", 1, 1_000_000),
    maxAgeMs: parseDuration(history.maxAge ?? "7d", "history.maxAge"),
    localRecords: whole(history.localRecords, 1_000, "history.localRecords", 1, 100_000),
    tracedKeys: whole(history.tracedKeys, 100, "history.tracedKeys", 0, 1_000),
  };
}

function whole(
  value: number | undefined,
  fallback: number,
  option: string,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new InvalidOptionError({
      option,
      received: value,
      expected: `a whole number from ${min} to ${max}`,
    });
  }
  return value;
}
