// What the table's rules, the precise ones and dependencies remove of a cached CRM, in the same replay of reads and writes.
// REPLAY_OPERATIONS sets its length; the full run is 60,000.

import { expect, it } from "vitest";
import { type ReplayResult, replay } from "./support/crm-replay.ts";
import { preciseRules, tableRules } from "./support/rules.ts";

const OPERATIONS = Number(process.env.REPLAY_OPERATIONS ?? 6_000);
const SEED = process.env.REPLAY_SEED ?? "2026-11-25";

it(`0 stale reads in ${OPERATIONS} operations by each, and dependencies remove at most 1.2 of what depended`, async () => {
  const table = await replay(tableRules, "off", OPERATIONS, SEED);
  const precise = await replay(preciseRules, "off", OPERATIONS, SEED);
  const dependencies = await replay({}, "only", OPERATIONS, SEED);
  const arms = { table, precise, dependencies };
  const ratio = ({ removed, dependent }: ReplayResult): number => removed / dependent;
  if (process.env.REPLAY_REPORT !== undefined) {
    for (const [arm, figures] of Object.entries(arms)) {
      process.stderr.write(`${JSON.stringify({ arm, ...figures, ratio: ratio(figures) })}\n`);
    }
  }
  for (const [arm, figures] of Object.entries(arms)) expect(figures.stale, arm).toBe(0);
  expect(dependencies.dependent).toBeGreaterThan(OPERATIONS / 100);
  expect(ratio(dependencies)).toBeLessThanOrEqual(1.2);
  expect(ratio(dependencies)).toBeLessThan(ratio(precise));
  expect(ratio(precise)).toBeLessThan(ratio(table));
  expect(dependencies.hitRate).toBeGreaterThan(precise.hitRate);
  expect(precise.hitRate).toBeGreaterThan(table.hitRate);
}, 600_000);

it("the control, which invalidates nothing, serves stale rows in the same replay", async () => {
  const nothing = { companies: { patterns: [] }, users: { patterns: [] }, deals: { patterns: [] } };
  expect((await replay(nothing, "off", Math.min(OPERATIONS, 6_000), SEED)).stale).toBeGreaterThan(0);
});
