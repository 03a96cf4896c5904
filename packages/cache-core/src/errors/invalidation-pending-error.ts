import { CacheError, hasCode } from "./cache-error.ts";
import { listNames } from "./list-names.ts";

export interface InvalidationPendingErrorParameters {
  readonly keys?: readonly string[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly patterns?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/**
 * An invalidation could not be applied yet. It is kept and retried until it is; meanwhile this process treats what it
 * names as missing.
 */
export class InvalidationPendingError extends CacheError {
  declare readonly code: "INVALIDATION_PENDING";
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  readonly patterns: readonly string[];

  constructor(parameters: InvalidationPendingErrorParameters) {
    const { keys = [], tags = [], patterns = [] } = parameters;
    const named = [
      ...(keys.length > 0 ? [listNames("key", keys)] : []),
      ...(tags.length > 0 ? [listNames("tag", tags)] : []),
      ...(patterns.length > 0 ? [listNames("pattern", patterns)] : []),
    ];
    super({
      code: "INVALIDATION_PENDING",
      message:
        `The invalidation of ${named.length > 0 ? named.join("; ") : "everything"} could not be applied yet. ` +
        "It is kept and retried until it is, and this process serves none of it meanwhile; " +
        "other processes may, so tell the user or repeat the call.",
      retryable: true,
      cause: parameters.cause,
    });
    this.keys = keys;
    this.tags = tags;
    this.patterns = patterns;
  }
  override get name(): "InvalidationPendingError" {
    return "InvalidationPendingError";
  }
  static override isInstance(value: unknown): value is InvalidationPendingError {
    return hasCode(value, "INVALIDATION_PENDING");
  }
}
