import { defineConfig, type ViteUserConfig } from "vitest/config";

const config: ViteUserConfig = defineConfig({
  resolve: { conditions: ["@crm/source"] },
  ssr: { resolve: { conditions: ["@crm/source"] } },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    retry: 0,
    // Most of the time is spent waiting for servers.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default config;
