import { expect, it } from "vitest";
import { compareCalls, HISTORIES, OPERATIONS } from "../../test/support/compare-calls.ts";
import { checkRecordCalls, readRecordCalls } from "./check-record-calls.ts";
import type { WireRule } from "./plan.ts";
import { writeSpec } from "./state/record-image.ts";

interface Rule {
  readonly part: string;
  readonly kind: "f" | "b";
  readonly windowMs: number;
  readonly weight: number;
  readonly drain: number;
  readonly limit: number;
  readonly shadow: 0 | 1;
}

const wire = ({ part, kind, windowMs, weight, drain, limit, shadow }: Rule): WireRule => [
  ...([`l/${part}`, kind, limit, windowMs, weight, drain, shadow, 1, "l"] as const),
];

it("calls of records: decide and leave behind what the script for any rules does", async () => {
  const { decided, refused } = await compareCalls<Rule>({
    ...{ name: "records", operation: checkRecordCalls, read: readRecordCalls },
    rule: (random, part) => ({
      part,
      kind: random.pick(["f", "b"] as const),
      windowMs: random.pick([1, 50, 1_000, 60_000]),
      weight: random.pick([1, 50, 1_000, 60_000]),
      drain: random.pick([1, 1, 3, 7]),
      limit: random.int(1, 8),
      shadow: random.chance(0.15) ? 1 : 0,
    }),
    vary: (random, rule) => ({
      ...rule,
      limit: random.chance(0.9) ? rule.limit : random.int(1, 8),
      weight: random.chance(0.98) ? rule.weight : 20,
    }),
    wire,
    spec: (rules) => writeSpec(rules.map(wire)),
    parts: () => ["l"],
  });
  // It was worth something.
  expect(decided).toBeGreaterThan((HISTORIES * OPERATIONS) / 4);
  expect(refused).toBeGreaterThan((HISTORIES * OPERATIONS) / 20);
});
