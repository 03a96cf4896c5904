import {
  CacheClosedError,
  FetchTimeoutError,
  StoreUnavailableError,
  UnserializableValueError,
} from "@crm/cache-core";
import type { FailureReason } from "../metrics.ts";
import type { Ending } from "./run-figures.ts";

/** The ending of a task of which no load was begun. */
export function notTried(outcome: "failed" | "skipped", reason: Ending["reason"]): Ending {
  return { outcome, reason, error: undefined, durationMs: 0, keys: 0, bytes: 0, attempts: 0 };
}

/** Why a load failed, by its error. */
export function reasonOf(error: unknown): FailureReason {
  if (FetchTimeoutError.isInstance(error)) return "timeout";
  if (UnserializableValueError.isInstance(error)) return "unserializable";
  if (StoreUnavailableError.isInstance(error) || CacheClosedError.isInstance(error)) return "store";
  return "error";
}

/** Whether the cache or its store was closed: neither comes back, so there is nothing to wait for. */
export function isClosed(error: unknown): boolean {
  return (
    CacheClosedError.isInstance(error) ||
    (StoreUnavailableError.isInstance(error) && error.reason === "closed")
  );
}
