import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  DependencyCycleError,
  InvalidScheduleError,
  InvalidSnapshotError,
  WarmerClosedError,
} from "./index.ts";

const ERRORS = [
  new DependencyCycleError(["a", "b", "a"]),
  new DependencyCycleError([..."abcdefghijkl", "a"]),
  new InvalidScheduleError("* * *", new Error("cause")),
  new InvalidSnapshotError("`keys` is no array"),
  new WarmerClosedError(),
  new InvalidScheduleError(`${"x".repeat(200)}\u0007`),
];

describe("errors", () => {
  it("say what was expected, what came and what to do", () => {
    expect(
      ERRORS.map(({ name, code, retryable, message }) => ({ name, code, retryable, message })),
    ).toMatchSnapshot();
  });

  it("are told apart by code, and each is explained", () => {
    const classes = [DependencyCycleError, InvalidScheduleError, InvalidSnapshotError, WarmerClosedError];
    const docs = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    for (const error of ERRORS) {
      expect(classes.filter((each) => each.isInstance(error)).length).toBe(1);
      expect(docs).toContain(`\n## ${error.code}\n`);
    }
  });
});
