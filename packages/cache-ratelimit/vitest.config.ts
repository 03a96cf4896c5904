import { testProjects } from "@crm/testkit/test-projects";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: testProjects({
      alone: ["cost", "sick-redis", "exact-decisions"].map((name) => `test/${name}.test.ts`),
    }),
  },
});
