import { testProjects } from "@crm/testkit/test-projects";
import { defineConfig } from "vitest/config";

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
