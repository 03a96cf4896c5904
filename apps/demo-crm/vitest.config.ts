import { defineConfig } from "vitest/config";
import { testProjects } from "../../vitest.projects.ts";

export default defineConfig({
  test: {
    globalSetup: ["test/prepare.ts"],
    projects: testProjects({
      include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/src/**/*.test.ts"],
      setupFiles: [],
      alone: ["browser", "fleet", "process", "sickness", "live", "warming"].map(
        (name) => `test/${name}.test.ts`,
      ),
    }),
  },
});
