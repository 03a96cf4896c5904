import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["@crm/testkit/setup-guards"],
    // Promises are given in milliseconds: a test that measures has the machine to itself.
    fileParallelism: false,
    retry: 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
