import type { Clock, Store } from "@crm/cache-core";
import type { ContractExpectation } from "@crm/cache-core/testing";
import { describeActions } from "./contract/actions.ts";
import { describeAlgorithms } from "./contract/algorithms.ts";
import { makeHarness } from "./contract/harness.ts";
import { describeNames } from "./contract/names.ts";
import { describeRecords } from "./contract/records.ts";
import { describeRememberedRefusals } from "./contract/remembered-refusals.ts";
import { describeSeveralLimits } from "./contract/several-limits.ts";
import { describeWaiting } from "./contract/waiting.ts";

/** A store to be tested, and how time passes for it. */
export interface RateLimiterContractStore {
  readonly store: Store;
  readonly clock?: Clock | undefined;
  /** Lets time pass. @default really waits */
  advance?(ms: number): Promise<void>;
}

/** The test runner, passed in: the suite imports none. */
export interface RateLimiterContractRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
  expect(actual: unknown, message?: string): ContractExpectation;
  beforeEach(body: () => Promise<void>): unknown;
  afterEach(body: () => Promise<void>): unknown;
}

/**
 * What a limiter does, on whatever store: every store of the toolkit passes it unchanged. Holes that were found in
 * other limiters are named by what goes wrong there.
 *
 * @param makeStore called before each test; each test has a namespace of its own
 */
export function describeRateLimiter(
  name: string,
  makeStore: () => Promise<RateLimiterContractStore> | RateLimiterContractStore,
  runner: RateLimiterContractRunner,
): void {
  const harness = makeHarness(makeStore, runner);
  runner.describe(name, () => {
    describeActions(harness);
    describeAlgorithms(harness);
    describeSeveralLimits(harness);
    describeRecords(harness);
    describeNames(harness);
    describeWaiting(harness);
    describeRememberedRefusals(harness);
  });
}
