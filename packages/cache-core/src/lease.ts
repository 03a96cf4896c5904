import type { Duration } from "./duration.ts";
import type { SetOptions } from "./options.ts";

/** The right to fill one key by hand, taken with `cache.lease(key)` before the source is queried. */
export interface Lease<T = unknown> {
  readonly key: string;
  /**
   * A fresh value that was already there: use it and do not query. `undefined` when the source must be queried.
   */
  readonly value: T | undefined;
  /**
   * Stores the value, unless the key was invalidated, set, or filled by somebody else since the lease was taken.
   * Resolves to whether it was stored. Ends the lease.
   */
  fill(value: T, options?: Duration | SetOptions): Promise<boolean>;
  /** Gives the lease up without a value. Idempotent; harmless after `fill`. */
  release(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
