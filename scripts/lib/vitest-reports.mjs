import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./workspace.mjs";

/** Where each package's run leaves its report, relative to the package. `.turbo` is ignored by git. */
export const REPORT = ".turbo/vitest.json";
const SUMMARY = join(root, ".turbo/test-summary.json");

/** What every run of the tests is called with: nothing focused, and a report that can be counted. */
export const VITEST_ARGS = [
  "--allowOnly=false",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${REPORT}`,
];

/** @typedef {{ passed: number, failed: number, problems: string[] }} Totals */

/** @param {readonly string[]} directories packages whose old report goes */
export function forgetReports(directories) {
  for (const directory of directories) rmSync(join(directory, REPORT), { force: true });
}

/**
 * Adds up the reports. A test that did not run (skipped, todo) counts as failed, and so does a file that could not be loaded
 * and a package that left no report: what was not proved is not counted as proved.
 *
 * @param {readonly { path: string, directory: string }[]} packages
 * @returns {Totals}
 */
export function readReports(packages) {
  /** @type {Totals} */
  const totals = { passed: 0, failed: 0, problems: [] };
  for (const { path, directory } of packages) {
    const report = join(directory, REPORT);
    if (!existsSync(report)) {
      totals.failed += 1;
      totals.problems.push(`${path}: no report, the run did not get that far`);
      continue;
    }
    const { success, testResults } = JSON.parse(readFileSync(report, "utf8"));
    const failedBefore = totals.failed;
    let tests = 0;
    for (const file of testResults) {
      tests += file.assertionResults.length;
      for (const test of file.assertionResults) {
        if (test.status === "passed") totals.passed += 1;
        else {
          totals.failed += 1;
          const why = test.failureMessages?.[0]?.split("\n")[0] ?? "";
          totals.problems.push(`${path}: "${test.fullName}" ${test.status}${why && `: ${why}`}`);
        }
      }
      const explained = file.assertionResults.some(
        (/** @type {{ status: string }} */ test) => test.status === "failed",
      );
      if (file.status === "failed" && !explained) {
        totals.failed += 1;
        totals.problems.push(
          `${path}: ${file.name} failed as a file: ${String(file.message).split("\n")[0]}`,
        );
      }
    }
    if (totals.failed === failedBefore && (!success || tests === 0)) {
      totals.failed += 1;
      totals.problems.push(
        `${path}: ${tests === 0 ? "no tests" : "failed outside of its tests: see its errors above"}`,
      );
    }
  }
  return totals;
}

/**
 * The last line of every command that runs tests. CI and people read it; its form is fixed.
 *
 * @param {{ passed: number, failed: number }} totals
 */
export function printTotals({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
}

/** @param {Totals} totals for a later `verify --no-test` */
export function saveTotals(totals) {
  mkdirSync(dirname(SUMMARY), { recursive: true });
  writeFileSync(SUMMARY, JSON.stringify(totals));
}

/** @returns {Totals | undefined} of the last run of the tests in this checkout */
export function savedTotals() {
  return existsSync(SUMMARY) ? JSON.parse(readFileSync(SUMMARY, "utf8")) : undefined;
}
