import { testProjects } from "@crm/testkit/test-projects";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: testProjects({
      alone: [
        "promise-1-stale",
        "promise-2-one-fetch",
        "promise-3-coherent",
        "promise-4-sick-redis",
        "promise-5-cost",
        "promise-6-growth",
        "promise-7-eviction",
        "promise-10-clocks",
        "large-values.redis",
        "late-writes.redis",
        "otel-cost",
        "resharding.redis",
        "run-durably",
        "subscriber-gap.redis",
      ].map((name) => `test/${name}.test.ts`),
    }),
  },
});
