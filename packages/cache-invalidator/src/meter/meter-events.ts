import type { EventNames } from "@crm/cache-core";
/** What was invalidated, as the meter was told: by `observe`, or by the cache's own event. */
export interface ObservedInvalidation {
  readonly at: Date;
  /** The event that was given to `observe`, or the payload of `invalidation:applied`. */
  readonly what: unknown;
}

/** One comparison of an entry with its source. */
export interface Look {
  readonly at: Date;
  /**
   * `absent`: no entry, which is consistent. `equal`. `differs`: for the same entry before and after the source was read.
   * `moving`: the entry changed while it was looked at. `stale`: an entry past its freshness, which nobody is given as
   * current. `unknown`: the source could not tell.
   */
  readonly result: "absent" | "equal" | "differs" | "moving" | "stale" | "unknown";
}

/** An entry that stayed different from its source, with everything that is known about it. */
export interface Anomaly {
  readonly key: string;
  /** The recheck that found it, in seconds after the invalidation. */
  readonly delaySeconds: number;
  /** Whether an earlier recheck of the same sample had found it already. */
  readonly repeated: boolean;
  readonly entry: {
    readonly createdAt: Date;
    readonly ttl: number;
    readonly expiresIn: number;
    readonly tags: readonly string[];
    readonly tier: "memory" | "store";
  };
  /** What a reader is given, and what it should be. Never logged. */
  readonly cached: unknown;
  readonly source: unknown;
  /** The invalidation that was sampled, and those of the same key since, oldest first, at most 20. */
  readonly invalidations: readonly ObservedInvalidation[];
  /** Every look at the key since then, oldest first. */
  readonly looks: readonly Look[];
  /** What `historyOf` answered. */
  readonly history: unknown;
}

/** The events of a meter. */
export interface MeterEvents {
  "anomaly:found": Anomaly;
  /** The source failed, so nothing was learned. */
  "check:failed": { readonly key: string; readonly error: unknown };
}

/** The names of the events, for who calls from JavaScript. */
export const METER_EVENTS: EventNames<MeterEvents> = {
  "anomaly:found": true,
  "check:failed": true,
};
