import { describeValue, redactCause, truncateKey } from "../redact.ts";
import { CacheError, hasCode } from "./cache-error.ts";

/** Why the store could not be used. */
export type StoreUnavailableReason = "timeout" | "down" | "breaker" | "closed" | "readonly" | "error";

export interface StoreUnavailableErrorParameters {
  /** Name of the call or of the atomic operation: `get`, `fill`. */
  readonly operation: string;
  readonly reason: StoreUnavailableReason;
  /** The client's error. Commands that it carries are removed: they may hold a password or a value. */
  readonly cause?: unknown;
}

function describeReason(reason: StoreUnavailableReason): string {
  switch (reason) {
    case "timeout":
      return "expected an answer within the command deadline, got none";
    case "down":
      return "expected a connection, got none";
    case "breaker":
      return "expected an answer, but recent calls failed and the store is left alone for a moment";
    case "closed":
      return "expected an open store, but it was closed";
    case "readonly":
      return "expected a primary, got a replica that refuses writes";
    case "error":
      return "expected an answer, got an error";
  }
}

/** The store did not answer. Reads of the cache never reject with it: they are misses. */
export class StoreUnavailableError extends CacheError {
  declare readonly code: "STORE_UNAVAILABLE";
  readonly operation: string;
  readonly reason: StoreUnavailableReason;

  constructor(parameters: StoreUnavailableErrorParameters) {
    const advice =
      parameters.reason === "closed"
        ? "Do not use a store after `close()`."
        : "Retry later; check the server, the network and the deadline when it lasts.";
    super({
      code: "STORE_UNAVAILABLE",
      message: `The store could not run "${parameters.operation}": ${describeReason(parameters.reason)}. ${advice}`,
      retryable: true,
      cause: redactCause(parameters.cause),
    });
    this.operation = parameters.operation;
    this.reason = parameters.reason;
  }
  override get name(): "StoreUnavailableError" {
    return "StoreUnavailableError";
  }
  static override isInstance(value: unknown): value is StoreUnavailableError {
    return hasCode(value, "STORE_UNAVAILABLE");
  }
}

export interface StoreReplyErrorParameters {
  /** Name of the call or of the atomic operation: `get`, `fill`. */
  readonly operation: string;
  /** The reply that makes no sense. The error keeps only a short description of it. */
  readonly received?: unknown;
  /** The server's error. Commands that it carries are removed: they may hold a password or a value. */
  readonly cause?: unknown;
}

/** The store answered with an error of its own, or with something that the operation cannot have returned. */
export class StoreReplyError extends CacheError {
  declare readonly code: "STORE_REPLY";
  readonly operation: string;

  constructor(parameters: StoreReplyErrorParameters) {
    const got =
      parameters.cause instanceof Error
        ? `the error "${truncateKey(parameters.cause.message)}"`
        : describeValue(parameters.received);
    super({
      code: "STORE_REPLY",
      message:
        `The store's reply to "${parameters.operation}": expected one that the operation can return, got ${got}. ` +
        "Check the version and the permissions of the server, and that nobody else writes this namespace.",
      cause: redactCause(parameters.cause),
    });
    this.operation = parameters.operation;
  }
  override get name(): "StoreReplyError" {
    return "StoreReplyError";
  }
  static override isInstance(value: unknown): value is StoreReplyError {
    return hasCode(value, "STORE_REPLY");
  }
}
