import { expect, it } from "vitest";
import { compareCalls, HISTORIES, OPERATIONS } from "../../test/support/compare-calls.ts";
import { checkBucketCalls, readBucketCalls } from "./check-bucket-calls.ts";

it("calls of buckets: decide and leave behind what the script for any rules does", async () => {
  const { decided, refused } = await compareCalls({
    ...{ name: "buckets", operation: checkBucketCalls, read: readBucketCalls },
    rule: (random, part) => ({
      part,
      weight: random.pick([1, 50, 1_000, 60_000]),
      drain: random.pick([1, 1, 3, 7]),
      limit: random.int(1, 8),
    }),
    // With the limit now and then the weight of a cost.
    vary: (random, rule) => ({
      ...rule,
      limit: random.chance(0.9) ? rule.limit : random.int(1, 8),
      weight: random.chance(0.98) ? rule.weight : 20,
    }),
    wire: ({ part, weight, drain, limit }) => [part, "b", limit, 1_000, weight, drain, 0, 1, ""],
    spec: (rules) => rules.map(({ weight, drain, limit }) => `${limit}:${weight}:${drain}`).join(","),
  });
  // It was worth something.
  expect(decided).toBeGreaterThan((HISTORIES * OPERATIONS) / 4);
  expect(refused).toBeGreaterThan((HISTORIES * OPERATIONS) / 20);
});
