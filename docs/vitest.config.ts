import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: { include: ["test/**/*.test.ts"], retry: 0, testTimeout: 60_000 },
});
