import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  LockAbortedError,
  LockBusyError,
  LockLostError,
  LockNotDurableError,
  LockNotOwnerError,
  LockTimeoutError,
  LockUnavailableError,
  StaleFenceError,
} from "./index.ts";

const ERRORS = [
  new LockBusyError("invoices:7"),
  new LockTimeoutError("invoices:7", 500),
  new LockAbortedError("invoices:7"),
  new LockLostError("invoices:7", 42, "expired"),
  new LockLostError("invoices:7", 42, "taken"),
  new LockLostError("invoices:7", 42, "forced"),
  new LockLostError("invoices:7", 42, "released"),
  new LockLostError("invoices:7", 42, "closed"),
  new LockUnavailableError("invoices:7", "store", new Error("cause")),
  new LockUnavailableError("invoices:7", "late"),
  new LockNotDurableError("invoices:7", 2, 1),
  new LockNotOwnerError("invoices:7"),
  new StaleFenceError("invoices:7", 42),
  new LockBusyError(`${"x".repeat(200)}\u0007`),
];

describe("errors", () => {
  it("say what was expected, what came and what to do", () => {
    expect(
      ERRORS.map(({ name, code, retryable, message }) => ({ name, code, retryable, message })),
    ).toMatchSnapshot();
  });

  it("are told apart by code, and each is explained", () => {
    const classes = [
      ...[LockBusyError, LockTimeoutError, LockAbortedError, LockLostError],
      ...[LockUnavailableError, LockNotDurableError, LockNotOwnerError, StaleFenceError],
    ];
    const docs = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    for (const error of ERRORS) {
      expect(classes.filter((each) => each.isInstance(error)).length).toBe(1);
      expect(docs).toContain(`\n## ${error.code}\n`);
    }
  });
});
