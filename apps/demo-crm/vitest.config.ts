import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/src/**/*.test.ts"],
    globalSetup: ["test/build-web.ts", "test/import-once.ts"],
    // Suites that start processes and watch deadlines disturb one another on two cores.
    fileParallelism: false,
    retry: 0,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
