import { CacheError } from "@crm/cache-core";

/** What an `InvalidEventError` is made of. */
export interface InvalidEventErrorParameters {
  /** The field at fault: `entityId`. */
  readonly field: string;
  /** What is accepted, as a noun. */
  readonly expected: string;
  /** A description of what came, never the value of an object. */
  readonly received: string;
}

/** An event, or a part of one, that cannot be. Nothing was invalidated. */
export class InvalidEventError extends CacheError {
  declare readonly code: "INVALID_EVENT";
  readonly field: string;
  readonly received: string;

  constructor({ field, expected, received }: InvalidEventErrorParameters) {
    super({
      code: "INVALID_EVENT",
      message: `${field}: expected ${expected}, got ${received}. Pass the entity and the id as they are in the source.`,
    });
    this.field = field;
    this.received = received;
  }
  override get name(): "InvalidEventError" {
    return "InvalidEventError";
  }
  static override isInstance(value: unknown): value is InvalidEventError {
    return CacheError.isInstance(value) && value.code === "INVALID_EVENT";
  }
}

/** A custom handler that had not ended in its time. It is reported; the invalidation had been applied. */
export class HandlerTimeoutError extends CacheError {
  declare readonly code: "HANDLER_TIMEOUT";
  readonly entityType: string;
  readonly timeoutMs: number;

  constructor({ entityType, timeoutMs }: { readonly entityType: string; readonly timeoutMs: number }) {
    super({
      code: "HANDLER_TIMEOUT",
      message:
        `The custom handler of ${JSON.stringify(entityType)} was expected to end within ${timeoutMs} ms and did not. ` +
        "It runs on unobserved; give it less to do, or raise `handlerTimeout`.",
    });
    this.entityType = entityType;
    this.timeoutMs = timeoutMs;
  }
  override get name(): "HandlerTimeoutError" {
    return "HandlerTimeoutError";
  }
  static override isInstance(value: unknown): value is HandlerTimeoutError {
    return CacheError.isInstance(value) && value.code === "HANDLER_TIMEOUT";
  }
}
