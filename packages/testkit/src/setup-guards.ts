/**
 * A setup file for vitest: `setupFiles: ["@crm/testkit/setup-guards"]`. Hooks of a setup file run after those of the
 * tests, so a test has cleared up when the guards look.
 *
 * @module
 */
import { afterAll, afterEach, beforeEach } from "vitest";
import { type Guards, installGuards } from "./install-guards.ts";

/** The guards of this test file, for `guards.watch(…)`. */
export const guards: Guards = installGuards({ beforeEach, afterEach, afterAll });
