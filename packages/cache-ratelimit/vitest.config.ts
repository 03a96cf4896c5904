import { defineConfig } from "vitest/config";
import { testProjects } from "../../vitest.projects.ts";

export default defineConfig({
  test: {
    projects: testProjects({
      alone: ["cost", "sick-redis", "exact-decisions"].map((name) => `test/${name}.test.ts`),
    }),
  },
});
