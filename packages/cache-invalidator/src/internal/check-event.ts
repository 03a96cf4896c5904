import type { EntityChange } from "@crm/cache-core";
import { InvalidEventError } from "../errors.ts";
import { isExact, isPlain, MAX_BYTES } from "./event-text.ts";

/** One event, checked. */
export interface CheckedEvent extends EntityChange {
  readonly actor: string | undefined;
  readonly cause: string | undefined;
}

const EVENTS: readonly string[] = ["entity:created", "entity:updated", "entity:deleted"];

/** @throws InvalidEventError */
export function checkEvent(given: unknown): CheckedEvent {
  const { event, entityType, entityId, data, actor, cause } = (
    typeof given === "object" && given !== null ? given : {}
  ) as Record<string, unknown>;
  if (typeof event !== "string" || !EVENTS.includes(event)) {
    throw new InvalidEventError({ field: "event", expected: EVENTS.join(", "), received: describe(event) });
  }
  const id = isExact(entityId) ? String(entityId) : entityId;
  return {
    event: event as EntityChange["event"],
    entityType: plain(entityType, "entityType", MAX_BYTES.entityType),
    entityId: plain(id, "entityId", MAX_BYTES.entityId),
    data,
    actor: actor == null ? undefined : plain(actor, "actor", MAX_BYTES.actor),
    cause: cause == null ? undefined : plain(cause, "cause", MAX_BYTES.cause),
  };
}

/** Who and why, and nothing else that the object may hold. @throws InvalidEventError */
export function checkContext(context: unknown): { actor?: string; cause?: string } {
  if (context === undefined || context === null) return {};
  if (typeof context !== "object") {
    const expected = "an object with `actor` and `cause`";
    throw new InvalidEventError({ field: "context", expected, received: describe(context) });
  }
  const { actor, cause } = context as { actor?: string; cause?: string };
  return { ...(actor == null ? {} : { actor }), ...(cause == null ? {} : { cause }) };
}

/** A text that can be a part of a key. @throws InvalidEventError */
export function plain(value: unknown, field: string, maxBytes: number): string {
  if (isPlain(value, maxBytes)) return value;
  throw new InvalidEventError({
    field,
    expected: `a non-empty string of at most ${maxBytes} bytes without control characters`,
    received: describe(value),
  });
}

function describe(value: unknown): string {
  if (typeof value === "string")
    return value === "" ? "the empty string" : `a string of ${value.length} characters`;
  if (typeof value === "number") {
    const inexact = Number.isFinite(value) && !isExact(value);
    return `the number ${value}${inexact ? ", which may have been rounded: pass it as text" : ""}`;
  }
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
}
