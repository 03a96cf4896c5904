import { CacheError, hasCode } from "./cache-error.ts";
import { listNames } from "./list-names.ts";

/** The cache was used after `close()`, or closed while the call ran. */
export class CacheClosedError extends CacheError {
  declare readonly code: "CACHE_CLOSED";

  constructor(parameters: { readonly cause?: unknown } = {}) {
    super({
      code: "CACHE_CLOSED",
      message:
        "The cache: expected to be open, but it was closed. Call `close()` only when nothing uses it any more.",
      cause: parameters.cause,
    });
  }
  override get name(): "CacheClosedError" {
    return "CacheClosedError";
  }
  static override isInstance(value: unknown): value is CacheClosedError {
    return hasCode(value, "CACHE_CLOSED");
  }
}

/** `extend` was given names that the cache already has. */
export class ExtendConflictError extends CacheError {
  declare readonly code: "EXTEND_CONFLICT";
  readonly names: readonly string[];

  constructor(parameters: { readonly names: readonly string[] }) {
    super({
      code: "EXTEND_CONFLICT",
      message:
        `extend(): expected new names, but the cache already has ${listNames("name", parameters.names)}. ` +
        "Extend once, or use the standalone form, such as `createLocks(cache)`.",
    });
    this.names = parameters.names;
  }
  override get name(): "ExtendConflictError" {
    return "ExtendConflictError";
  }
  static override isInstance(value: unknown): value is ExtendConflictError {
    return hasCode(value, "EXTEND_CONFLICT");
  }
}
