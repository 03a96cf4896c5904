// `pnpm test`: finds a Redis, then type-checks and tests every package. Arguments go to turbo, for example
// `pnpm test --filter=@crm/cache-core`. The last line is always `N passed, N failed`.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureChromium } from "./lib/find-chromium.mjs";
import { findRedis } from "./lib/find-redis.mjs";
import { elapsed, run } from "./lib/run.mjs";
import {
  forgetReports,
  printTotals,
  REPORT,
  readReports,
  saveTotals,
  VITEST_ARGS,
} from "./lib/vitest-reports.mjs";
import { root, workspacePackages } from "./lib/workspace.mjs";

/** Suites in which nothing depends on how soon something comes: they run beside one another. */
const PATIENT = ["@crm/testkit", "@crm/cache-rules", "docs"];

const turboArgs = process.argv.slice(2);
const tested = workspacePackages().filter(({ manifest }) => manifest.scripts?.test);
const startedAt = performance.now();

/** @returns {Promise<import("./lib/vitest-reports.mjs").Totals>} */
async function test() {
  forgetReports(tested.map(({ directory }) => directory));
  const redis = await findRedis();
  console.log(`Redis for the tests: ${redis.how}\n`);
  // What a filter leaves out needs no browser.
  if (turboArgs.length === 0 || turboArgs.some((arg) => arg.includes("demo-crm"))) await ensureChromium();
  const options = { cwd: root, env: redis.env };

  const typecheck = await run(
    "turbo",
    ["run", "typecheck", "--continue", "--output-logs=new-only", ...turboArgs],
    options,
  );
  /**
   * @param {number} concurrency
   * @param {string[]} args
   */
  const runSuites = (concurrency, args) =>
    run(
      "turbo",
      ["run", "test", `--concurrency=${concurrency}`, "--continue", ...args, "--", ...VITEST_ARGS],
      options,
    );
  const suites =
    turboArgs.length > 0
      ? [await runSuites(1, turboArgs)]
      : [
          await runSuites(
            PATIENT.length,
            PATIENT.map((name) => `--filter=${name}`),
          ),
          // One package at a time: suites that start servers, stop them and measure deadlines disturb one another on two cores.
          await runSuites(
            1,
            PATIENT.map((name) => `--filter=!${name}`),
          ),
        ];

  // With a filter, packages that were left out have no report and need none.
  const expected =
    turboArgs.length === 0 ? tested : tested.filter((found) => existsSync(join(found.directory, REPORT)));
  const totals = readReports(expected);
  if (suites.some(({ code }) => code !== 0) && totals.failed === 0) {
    totals.failed += 1;
    totals.problems.push("a run failed although all of its tests passed: see the unhandled errors above");
  }
  if (typecheck.code !== 0) {
    totals.failed += 1;
    totals.problems.push("the type check failed: see above");
  }
  if (totals.passed === 0 && totals.failed === 0) {
    totals.failed += 1;
    totals.problems.push("no test ran");
  }
  return totals;
}

const totals = await test().catch((error) => ({ passed: 0, failed: 1, problems: [error.message] }));
saveTotals(totals);
console.log(`\nTests took ${elapsed(startedAt)}`);
for (const problem of totals.problems) console.log(`- ${problem}`);
printTotals(totals);
process.exitCode = totals.failed === 0 ? 0 : 1;
