import type { TestProjectInlineConfiguration, UserWorkspaceConfig } from "vitest/config";

/** How the tests of a package run. */
export interface ProjectOptions {
  /** Files that measure durations, make a server sick or load the machine: one at a time, after all others. */
  readonly alone: readonly string[];
  readonly include?: readonly string[];
  readonly setupFiles?: readonly string[];
  readonly testTimeoutMs?: number;
}

/**
 * Two groups of test files. What only waits runs two files at a time; promises are given in milliseconds, so a test that
 * measures has the machine to itself.
 */
export function testProjects(options: ProjectOptions): TestProjectInlineConfiguration[] {
  const { alone, include = ["src/**/*.test.ts", "test/**/*.test.ts"] } = options;
  const project = (test: UserWorkspaceConfig["test"]): TestProjectInlineConfiguration => ({
    resolve: { conditions: ["@crm/source"] },
    ssr: { resolve: { conditions: ["@crm/source"] } },
    test: {
      setupFiles: [...(options.setupFiles ?? ["@crm/testkit/setup-guards"])],
      retry: 0,
      testTimeout: options.testTimeoutMs ?? 30_000,
      hookTimeout: 60_000,
      ...test,
    },
  });
  return [
    project({
      name: "together",
      include: [...include],
      exclude: [...alone],
      maxWorkers: 2,
      sequence: { groupOrder: 0 },
    }),
    project({ name: "alone", include: [...alone], fileParallelism: false, sequence: { groupOrder: 1 } }),
  ];
}
