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
  expect([
    refusal(null),
    refusal({ ...good, event: "created" }),
    refusal({ ...good, entityType: "" }),
    refusal({ ...good, entityId: { secret: "s3cret" } }),
    refusal({ ...good, entityId: Number.NaN }),
    refusal({ ...good, actor: "s3cret\n" }),
    new HandlerTimeoutError({ entityType: "companies", timeoutMs: 50 }).message,
  ]).toMatchSnapshot();
});

it("an id may be a number", () => {
  expect(checkEvent({ event: "entity:created", entityType: "companies", entityId: 7 }).entityId).toBe("7");
});
