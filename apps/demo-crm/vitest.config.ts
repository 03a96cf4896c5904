import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

// Processes, a browser, a Redis that is made sick, and whatever compares times: they would disturb one another on two cores.
const ALONE = ["browser", "fleet", "process", "sickness", "live", "warming"].map(
  (name) => `test/${name}.test.ts`,
);

const project = (test: TestProjectInlineConfiguration["test"]): TestProjectInlineConfiguration => ({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: { testTimeout: 30_000, hookTimeout: 60_000, ...test },
});

export default defineConfig({
  test: {
    globalSetup: ["test/prepare.ts"],
    retry: 0,
    projects: [
      project({
        name: "together",
        include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/src/**/*.test.ts"],
        exclude: ALONE,
        maxWorkers: 2,
        sequence: { groupOrder: 0 },
      }),
      project({ name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 1 } }),
    ],
  },
});
