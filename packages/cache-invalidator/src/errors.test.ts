import { expect, it } from "vitest";
import { HandlerTimeoutError, InvalidEventError } from "./errors.ts";
import { checkEvent } from "./internal/check-event.ts";

function refusal(event: unknown): string {
  try {
    checkEvent(event);
  } catch (error) {
    expect(InvalidEventError.isInstance(error)).toBe(true);
    return (error as Error).message;
  }
  throw new Error("accepted");
}

it("messages say what was expected, what came, and what to do, and show no value", () => {
  const good = { event: "entity:created", entityType: "companies", entityId: "1" };
  expect(
    [
      refusal(null),
      refusal({ ...good, event: "created" }),
      refusal({ ...good, entityType: "" }),
      refusal({ ...good, entityId: { secret: "s3cret" } }),
      refusal({ ...good, entityId: Number.NaN }),
      refusal({ ...good, actor: "s3cret\n" }),
      new HandlerTimeoutError({ entityType: "companies", timeoutMs: 50 }).message,
    ].map((message) => message.replace(" Pass the entity and the id as they are in the source.", "")),
  ).toEqual([
    "event: expected entity:created, entity:updated, entity:deleted, got undefined.",
    "event: expected entity:created, entity:updated, entity:deleted, got a string of 7 characters.",
    "entityType: expected a non-empty string of at most 128 bytes without control characters, got the empty string.",
    "entityId: expected a non-empty string of at most 512 bytes without control characters, got a value of type object.",
    "entityId: expected a non-empty string of at most 512 bytes without control characters, got the number NaN.",
    "actor: expected a non-empty string of at most 256 bytes without control characters, got a string of 7 characters.",
    'The custom handler of "companies" was expected to end within 50 ms and did not. ' +
      "It runs on unobserved; give it less to do, or raise `handlerTimeout`.",
  ]);
});

it("an id may be a number", () => {
  expect(checkEvent({ event: "entity:created", entityType: "companies", entityId: 7 }).entityId).toBe("7");
});
