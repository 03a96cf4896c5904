import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { percentile } from "@crm/testkit";
import { describe, expect, it } from "vitest";

const TASKS = 10_000;
/** Bounds are promised on an idle machine: `TEN_THOUSAND_STRICT=1` asserts them of the median, CI of the fastest, with room for its neighbours. */
const STRICT = process.env.TEN_THOUSAND_STRICT !== undefined;
const SLACK = STRICT ? 1 : 3;
const MAX_REGISTRATION_MS = 10;
const MAX_OVERHEAD_US = 20;

interface Rounds {
  readonly batch: readonly number[];
  readonly oneByOne: readonly number[];
  readonly warmed: readonly number[];
  readonly bare: readonly number[];
}

/**
 * In a process of its own, as Node runs the package: vitest makes each import a getter, which nearly doubles what a registration costs,
 * and its heap is full of other things.
 */
async function measure(): Promise<Rounds> {
  const file = fileURLToPath(new URL("./workers/ten-thousand.ts", import.meta.url));
  const options = ["--conditions=@crm/source", "--experimental-strip-types", file];
  const { stdout } = await promisify(execFile)(process.execPath, options, { timeout: 110_000 });
  return JSON.parse(stdout) as Rounds;
}

/** Neither the round in which everything was compiled nor the luckiest one: what it usually costs. */
function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** What disturbs a round only makes it slower: on a busy machine the fastest one says what the work costs. */
const usual = STRICT ? median : (values: readonly number[]): number => Math.min(...values);

describe(`${TASKS} registered tasks`, () => {
  it(`are registered in ${MAX_REGISTRATION_MS} ms, and cost ${MAX_OVERHEAD_US} µs each beyond their loads`, async () => {
    const rounds = await measure();
    const figures = {
      registrationMs: Number(usual(rounds.batch).toFixed(1)),
      oneByOneMs: Number(usual(rounds.oneByOne).toFixed(1)),
      overheadUs: Number((((usual(rounds.warmed) - usual(rounds.bare)) * 1_000) / TASKS).toFixed(1)),
      firstMs: Number(rounds.batch[0]?.toFixed(1)),
    };
    if (process.env.WARMER_FIGURES) {
      process.stdout.write(`${JSON.stringify({ ...figures, rounds }, (_, value) => shown(value))}\n`);
    }
    expect(figures.registrationMs).toBeLessThan(SLACK * MAX_REGISTRATION_MS);
    expect(figures.oneByOneMs).toBeLessThan(SLACK * MAX_REGISTRATION_MS);
    expect(figures.overheadUs).toBeLessThan(SLACK * MAX_OVERHEAD_US);
  }, 120_000);
});

function shown(value: unknown): unknown {
  return typeof value === "number" ? Number(value.toFixed(1)) : value;
}
