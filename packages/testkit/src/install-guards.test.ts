import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../test/fixtures/guards/", import.meta.url));
const vitest = fileURLToPath(import.meta.resolve("vitest/package.json")).replace(
  "package.json",
  "vitest.mjs",
);

interface Assertion {
  readonly title: string;
  readonly status: "passed" | "failed";
  readonly failureMessages: readonly string[];
}

let directory: string;
/** The failure messages by title; an empty one for a test that passed. */
let outcome: Map<string, string>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "crm-guards-"));
  const report = join(directory, "report.json");
  await new Promise<void>((resolve) => {
    const args = [vitest, "run", "--root", root, "--reporter", "json", "--outputFile", report];
    // Ends with a failure, as it should.
    execFile(process.execPath, args, { env: { ...process.env, VITEST: undefined } }, () => resolve());
  });
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as {
    testResults: { assertionResults: Assertion[] }[];
  };
  const assertions = testResults.flatMap(({ assertionResults }) => assertionResults);
  outcome = new Map(assertions.map(({ title, failureMessages }) => [title, failureMessages.join("\n")]));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test.each([
  ["console.log", "During the test:\n- console.log('hello', { a: 1 })"],
  ["console.error later in the turn", "- console.error(Error: printed"],
  ["console.warn after a spy was restored", "- console.warn('unexpected')"],
  ["unhandled rejection", "- unhandled rejection: Error: nobody listens"],
  ["uncaught exception", "- uncaught exception: Error: nobody catches"],
  ["process warning", "- process warning: MaxListenersExceededWarning: too many"],
  ["left behind", "Still pending: cache: 2 fills"],
  ["afterEach prints", "- console.info('clearing up')"],
  ["beforeAll prints", "Between tests, or before the first:\n- console.debug('preparing')"],
])("%s fails the test in which it happens", (title, message) => {
  expect(outcome.get(title)).toContain(message);
});

test.each([
  "clean",
  "clean after console.log",
  "expected output",
  "deprecation warning",
  "fake timers left on",
  "fake timers were on",
  "none",
  "no longer watched",
  "and only the first test fails",
])("%s passes", (title) => {
  expect(outcome.get(title)).toBe("");
});
