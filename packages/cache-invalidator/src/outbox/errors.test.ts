import { readFileSync } from "node:fs";
import { CacheError } from "@crm/cache-core";
import { describe, expect, test } from "vitest";
import * as errors from "./errors.ts";

const samples = [
  new errors.InvalidOutboxEventError({ path: "events[2].entityId", expected: "a string", received: "null" }),
  new errors.OutboxMissingError({ table: "public.cache_outbox", cause: new Error("42P01") }),
  new errors.DeliveryTimeoutError({ timeoutMs: 10_000 }),
  new errors.RelayClosedError(),
];

describe("errors of the outbox", () => {
  test("say what was expected, what came and what to do", () => {
    expect(samples.map(({ code, message }) => `${code}: ${message}`)).toMatchInlineSnapshot(`
      [
        "INVALID_OUTBOX_EVENT: events[2].entityId: expected a string, got null. Nothing was written; correct the event and enqueue it again.",
        "OUTBOX_MISSING: The relay found no table public.cache_outbox. Run the SQL of \`outboxMigration()\` with the same schema and table, on the database that \`connect\` opens.",
        "DELIVERY_TIMEOUT: The target's apply() did not settle within 10000 ms. The row stays in the outbox and is tried again; give custom handlers a timeout of their own, or raise \`applyTimeout\`.",
        "RELAY_CLOSED: The outbox relay is closed. Create another one: a relay is started once.",
      ]
    `);
  });

  test.each(samples.map((error) => [error.name, error] as const))(
    "%s is recognized by its code",
    (name, error) => {
      expect(CacheError.isInstance(error)).toBe(true);
      const known = errors as unknown as Record<string, { isInstance(value: unknown): boolean }>;
      for (const [each, { isInstance }] of Object.entries(known))
        expect(isInstance(error), each).toBe(each === name);
    },
  );

  test("have their headings in the documentation", () => {
    const headings = readFileSync(new URL("../../../../docs/errors.md", import.meta.url), "utf8");
    for (const { code } of samples) expect(headings.toLowerCase()).toContain(`## ${code.toLowerCase()}`);
  });
});
