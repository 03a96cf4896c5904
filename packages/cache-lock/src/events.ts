import type { EventNames } from "@crm/cache-core";
import type { LockLostReason } from "./errors.ts";

/** Every event with its payload. Names are `noun:verb`; names of locks are the caller's. */
export interface LockEvents {
  "lock:acquired": { readonly lock: string; readonly fence: number; readonly waitedMs: number };
  "lock:released": { readonly lock: string; readonly fence: number; readonly heldMs: number };
  /** A lock of this process was lost; its signal has just been aborted. */
  "lock:lost": { readonly lock: string; readonly fence: number; readonly reason: LockLostReason };
  /** `forceRelease` of this process took a lock from so many holders. */
  "lock:forced": { readonly lock: string; readonly holders: number };
  /** A renewal was not confirmed. It is tried again until the lease ends. */
  "lock:renewal-failed": { readonly lock: string; readonly fence: number; readonly error: unknown };
  /** A release was not confirmed. It is tried again; at the latest the lock ends with its lease. */
  "lock:release-failed": { readonly lock: string; readonly error: unknown };
  /** Something in the background failed and nobody was waiting for it. */
  "background:error": { readonly where: string; readonly error: unknown };
}

/** The names of the events, for who calls from JavaScript. */
export const LOCK_EVENTS: EventNames<LockEvents> = {
  "lock:acquired": true,
  "lock:released": true,
  "lock:lost": true,
  "lock:forced": true,
  "lock:renewal-failed": true,
  "lock:release-failed": true,
  "background:error": true,
};
