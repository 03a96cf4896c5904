import type { EventNames } from "@crm/cache-core";
import type { LimiterState } from "./internal/gradient-limiter.ts";
import type { FailureReason, SkipReason, WarmingMetrics } from "./metrics.ts";

/** What a run is for. */
export type RunKind = "all" | "category" | "expiring" | "startup" | "background";

/** Every event with its payload. */
export interface WarmerEvents {
  "run:start": { readonly run: number; readonly kind: RunKind; readonly total: number };
  /** A task has ended. At most one event a turn of the event loop. */
  "run:progress": { readonly run: number; readonly kind: RunKind } & WarmingProgress;
  "run:end": { readonly run: number; readonly kind: RunKind; readonly metrics: WarmingMetrics };
  "task:start": { readonly key: string; readonly category: string; readonly attempt: number };
  "task:retry": {
    readonly key: string;
    readonly category: string;
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: unknown;
  };
  "task:end": {
    readonly key: string;
    readonly category: string;
    readonly outcome: "success" | "failed" | "skipped";
    readonly reason: SkipReason | FailureReason | undefined;
    readonly error: unknown;
    readonly durationMs: number;
    readonly keys: number;
    readonly bytes: number;
  };
  /** A key or name was registered again: the later registration counts. */
  "task:replaced": { readonly key: string };
  /** A window was judged. */
  "limiter:window": LimiterState;
  /** The probe has opened. `deadline`: with so many tasks of its priority not yet done. */
  "readiness:open": {
    readonly reason: "warmed" | "deadline";
    readonly remaining: number;
    readonly failed: number;
  };
  /** A background run was due while one was still going. */
  "background:skipped": { readonly category: string | undefined };
  "hot:refreshed": { readonly key: string; readonly outcome: "stored" | "found" };
  "hot:failed": { readonly key: string; readonly error: unknown };
}

/** The names of the events, for who calls from JavaScript. */
export const WARMER_EVENTS: EventNames<WarmerEvents> = {
  "run:start": true,
  "run:progress": true,
  "run:end": true,
  "task:start": true,
  "task:retry": true,
  "task:end": true,
  "task:replaced": true,
  "limiter:window": true,
  "readiness:open": true,
  "background:skipped": true,
  "hot:refreshed": true,
  "hot:failed": true,
};

/** How far a run is: what `run:progress` tells. */
export interface WarmingProgress {
  readonly total: number;
  readonly done: number;
  readonly successful: number;
  readonly failed: number;
  readonly skipped: number;
  /** Highest priority first. */
  readonly remainingByPriority: Readonly<Record<number, number>>;
}
