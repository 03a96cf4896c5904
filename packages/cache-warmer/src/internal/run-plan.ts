import type { CacheInternals, TypedEmitter } from "@crm/cache-core";
import type { RunKind, WarmerEvents } from "../events.ts";
import type { ResolvedWarmerOptions, ResolvedWarmOptions } from "../options.ts";
import type { ExpiringKeys } from "./expiring-keys.ts";
import type { GradientLimiter } from "./gradient-limiter.ts";
import type { OriginWatch } from "./origin-watch.ts";
import type { TaskRecord } from "./task-record.ts";

/** What the runs of one warmer share. */
export interface RunContext {
  readonly internals: CacheInternals;
  readonly settings: ResolvedWarmerOptions;
  readonly limiter: GradientLimiter | null;
  /** Where there is a limiter. */
  readonly watch: OriginWatch | null;
  readonly emitter: TypedEmitter<WarmerEvents>;
  /** Loads under way in this process. */
  readonly gauge: { inFlight: number };
  readonly expiring: Pick<ExpiringKeys, "note" | "list" | "forget">;
}

/** What a run is to do. */
export interface RunPlan {
  readonly id: number;
  readonly kind: RunKind;
  /** Highest priority first. */
  readonly records: readonly TaskRecord[];
  readonly options: ResolvedWarmOptions;
  /** So old may what the fleet has loaded be, in ms. */
  readonly maxAgeOf: (record: TaskRecord) => number;
  /** Loads of the fleet count when they are later than this, ms of the store's clock. */
  readonly sinceOf: (record: TaskRecord) => number;
  /** A fresh entry made later than this is left alone. `began`: when the first who took the task began. */
  readonly newerThanOf: (record: TaskRecord, began: number, now: number) => number;
  /** Only these keys of a family. */
  readonly only?: ReadonlyMap<TaskRecord, readonly string[]> | undefined;
}
