import { describeValue, truncateKey } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

/** A fetcher took longer than `hardTimeout`. */
export class FetchTimeoutError extends CacheError {
  declare readonly code: "FETCH_TIMEOUT";
  readonly key: string;
  readonly timeoutMs: number;

  constructor(parameters: { readonly key: string; readonly timeoutMs: number; readonly cause?: unknown }) {
    super({
      code: "FETCH_TIMEOUT",
      message:
        `The fetcher of key "${truncateKey(parameters.key)}": expected a value within ${parameters.timeoutMs} ms, got none. ` +
        "Raise `hardTimeout` (of a warming task `timeout`), or make the source faster; its signal was aborted.",
      retryable: true,
      cause: parameters.cause,
    });
    this.key = parameters.key;
    this.timeoutMs = parameters.timeoutMs;
  }
  override get name(): "FetchTimeoutError" {
    return "FetchTimeoutError";
  }
  static override isInstance(value: unknown): value is FetchTimeoutError {
    return hasCode(value, "FETCH_TIMEOUT");
  }
}

/** A fetcher asked for the key that it fetches, and would wait for itself. */
export class FetchCycleError extends CacheError {
  declare readonly code: "FETCH_CYCLE";
  readonly key: string;

  constructor(parameters: { readonly key: string }) {
    super({
      code: "FETCH_CYCLE",
      message:
        `The fetcher of key "${truncateKey(parameters.key)}": expected a query of the source, got a read of the same key, ` +
        "which would wait for this fetcher to end. Read the source in it, or another key; what was stored before is `context.previous`.",
    });
    this.key = parameters.key;
  }
  override get name(): "FetchCycleError" {
    return "FetchCycleError";
  }
  static override isInstance(value: unknown): value is FetchCycleError {
    return hasCode(value, "FETCH_CYCLE");
  }
}

export interface InvalidFetcherErrorParameters {
  /** What was given, or what the fetcher returned. The error keeps only a short description of it. */
  readonly received: unknown;
  /** What was expected of it. @default "a function" */
  readonly expected?: string | undefined;
  /** @default "fetcher" */
  readonly parameter?: string | undefined;
  readonly cause?: unknown;
}

/** A fetcher that is no function, or a batch fetcher whose answer does not match the keys. */
export class InvalidFetcherError extends CacheError {
  declare readonly code: "INVALID_FETCHER";
  readonly parameter: string;
  /** Short description of what came. */
  readonly received: string;

  constructor(parameters: InvalidFetcherErrorParameters) {
    const { parameter = "fetcher", expected = "a function" } = parameters;
    const received = describeValue(parameters.received);
    super({
      code: "INVALID_FETCHER",
      message:
        `${parameter}: expected ${expected}, got ${received}. ` +
        "Pass `() => query()`, not the result of `query()`; for many keys return the values in the order of the keys, or a Map.",
      cause: parameters.cause,
    });
    this.parameter = parameter;
    this.received = received;
  }
  override get name(): "InvalidFetcherError" {
    return "InvalidFetcherError";
  }
  static override isInstance(value: unknown): value is InvalidFetcherError {
    return hasCode(value, "INVALID_FETCHER");
  }
}
