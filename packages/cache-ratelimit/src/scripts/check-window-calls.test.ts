import { expect, it } from "vitest";
import { compareCalls, HISTORIES, OPERATIONS } from "../../test/support/compare-calls.ts";
import { checkWindowCalls, readWindowCalls } from "./check-window-calls.ts";

it("calls of windows: decide and leave behind what the script for any rules does", async () => {
  const { decided, refused } = await compareCalls({
    ...{ name: "windows", operation: checkWindowCalls, read: readWindowCalls },
    rule: (random, part) => ({
      part,
      windowMs: random.pick([1, 50, 1_000, 60_000]),
      limit: random.int(1, 8),
    }),
    vary: (random, rule) => ({ ...rule, limit: random.chance(0.9) ? rule.limit : random.int(1, 8) }),
    wire: ({ part, windowMs, limit }) => [part, "f", limit, windowMs, 0, 0, 0, 1, ""],
    spec: (rules) => rules.map(({ windowMs, limit }) => `${limit}:${windowMs}`).join(","),
  });
  // It was worth something.
  expect(decided).toBeGreaterThan((HISTORIES * OPERATIONS) / 4);
  expect(refused).toBeGreaterThan((HISTORIES * OPERATIONS) / 20);
});
