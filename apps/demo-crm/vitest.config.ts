import { testProjects } from "@crm/testkit/test-projects";
import { defineConfig } from "vitest/config";

const projects = testProjects({
  include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/src/**/*.test.ts"],
  setupFiles: ["test/fresh-modules.ts"],
  alone: ["browser", "fleet", "process", "sickness", "live", "warming"].map((name) => `test/${name}.test.ts`),
});

export default defineConfig({
  test: {
    globalSetup: ["test/prepare.ts"],
    // One process for all files of a worker: see test/fresh-modules.ts.
    projects: projects.map(({ test, ...project }) => ({ ...project, test: { ...test, isolate: false } })),
  },
});
