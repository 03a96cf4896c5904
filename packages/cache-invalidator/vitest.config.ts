import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    globalSetup: ["./test/support/global-postgres.ts"],
    setupFiles: ["@crm/testkit/setup-guards"],
    // Delivery is promised in milliseconds: a test that measures has the machine to itself.
    fileParallelism: false,
    retry: 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
