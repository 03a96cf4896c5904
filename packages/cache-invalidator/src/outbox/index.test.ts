import { expect, test } from "vitest";
import * as meter from "../meter/index.ts";
import * as outbox from "./index.ts";

test("the exported names", () => {
  expect(Object.keys(outbox).sort()).toMatchInlineSnapshot(`
    [
      "DeliveryTimeoutError",
      "InvalidOutboxEventError",
      "OutboxMissingError",
      "RelayClosedError",
      "connectPg",
      "connectPglite",
      "createOutboxRelay",
      "drizzleQuery",
      "enqueue",
      "outboxMigration",
      "outboxTrigger",
      "requeueDead",
    ]
  `);
  expect(Object.keys(meter).sort()).toMatchInlineSnapshot(`
    [
      "createConsistencyMeter",
      "structurallyEqual",
    ]
  `);
});
