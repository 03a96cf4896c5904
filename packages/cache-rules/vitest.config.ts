import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    setupFiles: ["@crm/testkit/setup-guards"],
    fileParallelism: false,
    retry: 0,
    testTimeout: 30_000,
  },
});
