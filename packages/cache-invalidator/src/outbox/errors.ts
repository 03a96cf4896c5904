import { CacheError } from "@crm/cache-core";

function hasCode(value: unknown, code: string): boolean {
  return CacheError.isInstance(value) && value.code === code;
}

/** What {@link InvalidOutboxEventError} takes. */
export interface InvalidOutboxEventErrorParameters {
  /** Where the culprit is: `events[2].entityId`. */
  readonly path: string;
  /** What is accepted, as a noun. */
  readonly expected: string;
  /** What came, described without its content. */
  readonly received: string;
}

/** An event that cannot be written into the outbox. Nothing was written; the transaction is as it was. */
export class InvalidOutboxEventError extends CacheError {
  declare readonly code: "INVALID_OUTBOX_EVENT";
  /** Where the culprit is: `events[2].entityId`. */
  readonly path: string;

  constructor({ path, expected, received }: InvalidOutboxEventErrorParameters) {
    super({
      code: "INVALID_OUTBOX_EVENT",
      message: `${path}: expected ${expected}, got ${received}. Nothing was written; correct the event and enqueue it again.`,
    });
    this.path = path;
  }
  override get name(): "InvalidOutboxEventError" {
    return "InvalidOutboxEventError";
  }
  static override isInstance(value: unknown): value is InvalidOutboxEventError {
    return hasCode(value, "INVALID_OUTBOX_EVENT");
  }
}

/** The table of the outbox does not exist in this database. */
export class OutboxMissingError extends CacheError {
  declare readonly code: "OUTBOX_MISSING";

  constructor({ table, cause }: { readonly table: string; readonly cause?: unknown }) {
    super({
      code: "OUTBOX_MISSING",
      message: `The relay found no table ${table}. Run the SQL of \`outboxMigration()\` with the same schema and table, on the database that \`connect\` opens.`,
      cause,
    });
  }
  override get name(): "OutboxMissingError" {
    return "OutboxMissingError";
  }
  static override isInstance(value: unknown): value is OutboxMissingError {
    return hasCode(value, "OUTBOX_MISSING");
  }
}

/** The target did not answer in time. The row is tried again. */
export class DeliveryTimeoutError extends CacheError {
  declare readonly code: "DELIVERY_TIMEOUT";

  constructor({ timeoutMs }: { readonly timeoutMs: number }) {
    super({
      code: "DELIVERY_TIMEOUT",
      message: `The target's apply() did not settle within ${timeoutMs} ms. The row stays in the outbox and is tried again; give custom handlers a timeout of their own, or raise \`applyTimeout\`.`,
    });
  }
  override get name(): "DeliveryTimeoutError" {
    return "DeliveryTimeoutError";
  }
  static override isInstance(value: unknown): value is DeliveryTimeoutError {
    return hasCode(value, "DELIVERY_TIMEOUT");
  }
}

/** The relay was closed before it had started, or was started after it had been closed. */
export class RelayClosedError extends CacheError {
  declare readonly code: "RELAY_CLOSED";

  constructor() {
    super({
      code: "RELAY_CLOSED",
      message: "The outbox relay is closed. Create another one: a relay is started once.",
    });
  }
  override get name(): "RelayClosedError" {
    return "RelayClosedError";
  }
  static override isInstance(value: unknown): value is RelayClosedError {
    return hasCode(value, "RELAY_CLOSED");
  }
}
