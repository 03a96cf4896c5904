import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import { expectNoPending, type PendingSource } from "./expect-no-pending.ts";

/** The hooks of the test runner. */
export interface GuardHooks {
  readonly beforeEach: (check: () => Promise<void>) => void;
  readonly afterEach: (check: () => Promise<void>) => void;
  /** Also catches what happens while a file clears up. */
  readonly afterAll?: ((check: () => Promise<void>) => void) | undefined;
}

/** What {@link installGuards} returns. */
export interface Guards {
  /** Checks `source` after each test from now on. Returns the function that ends it. */
  watch(source: PendingSource): () => void;
  /** Gives the console and the process back. */
  uninstall(): void;
}

/** Everything of the console that prints. */
const PRINTING = [
  ...["debug", "dir", "dirxml", "error", "group", "groupCollapsed", "info", "log", "table"],
  ...["count", "timeEnd", "timeLog", "trace", "warn"],
] as const;

/** Warnings that say nothing about the code under test. */
const TOLERATED_WARNINGS = new Set(["DeprecationWarning", "ExperimentalWarning"]);

// Taken now: a test with fake timers replaces it, and the guard would wait for ever.
const nextTurn = setImmediate;

/**
 * Makes a test fail for what it would otherwise get away with: writing to the console, a rejection that nobody
 * handles, an exception that nobody catches, a process warning (such as too many listeners), and work left pending in
 * a watched source. What a test expects to be printed it replaces with `vi.spyOn(console, …).mockImplementation(…)`.
 *
 * The setup file `@crm/testkit/setup-guards` does this for vitest.
 */
export function installGuards(hooks: GuardHooks): Guards {
  const offences: string[] = [];
  const sources = new Set<PendingSource>();
  const originals = new Map<string, unknown>();
  const methods = console as unknown as Record<string, unknown>;

  for (const name of PRINTING) {
    originals.set(name, methods[name]);
    methods[name] = (...values: unknown[]) => {
      offences.push(`console.${name}(${values.map((value) => inspect(value, { depth: 3 })).join(", ")})`);
    };
  }
  const onRejection = (reason: unknown): void => {
    offences.push(`unhandled rejection: ${inspect(reason)}`);
  };
  const onException = (error: unknown): void => {
    offences.push(`uncaught exception: ${inspect(error)}`);
  };
  const onWarning = (warning: Error): void => {
    if (!TOLERATED_WARNINGS.has(warning.name)) offences.push(`process warning: ${inspect(warning)}`);
  };
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  process.on("warning", onWarning);

  async function check(when: string): Promise<void> {
    // Node reports a rejection as unhandled at the end of the turn in which it happened.
    await nextTurn();
    const found = offences.splice(0);
    if (found.length > 0) throw new Error([`${when}:`, ...found.map((each) => `- ${each}`)].join("\n"));
  }

  hooks.beforeEach(() => check("Between tests, or before the first"));
  hooks.afterEach(async () => {
    await check("During the test");
    await expectNoPending(...sources);
  });
  hooks.afterAll?.(() => check("After the last test"));

  return {
    watch(source) {
      sources.add(source);
      return () => void sources.delete(source);
    },
    uninstall() {
      for (const [name, original] of originals) methods[name] = original;
      process.off("unhandledRejection", onRejection);
      process.off("uncaughtException", onException);
      process.off("warning", onWarning);
    },
  };
}
