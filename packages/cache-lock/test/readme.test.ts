import { join } from "node:path";
import { readDocument, startRedis } from "@crm/testkit";
import { describe, expect, it } from "vitest";

const readme = await readDocument(join(import.meta.dirname, ".."), "README.md");
const [first = "", ...others] = readme.programs;

describe("README.md", () => {
  it("has no code block that is not run", () => {
    expect(readme.programs.length).toBe(4);
    expect(readme.languages.filter((language) => language !== "").length).toBe(4);
  });

  it("begins with a held lock in at most 10 lines, which prints what it says", async () => {
    expect(first.trimEnd().split("\n").length).toBeLessThanOrEqual(10);
    expect((await readme.run(first)).stdout).toBe("true false\n");
  });

  it("ends by itself over Redis, too", async () => {
    await using redis = await startRedis();
    expect((await readme.run(first, { REDIS_URL: redis.url })).stdout).toBe("true false\n");
  });

  it.each(others.map((program, i) => [i + 2, program] as const))(
    "has a block %i that runs to its end",
    async (_, program) => {
      expect(await readme.run(program)).toEqual({ stdout: "", stderr: "" });
    },
  );

  it("names only tests that exist", async () => {
    expect(readme.tests.length).toBeGreaterThan(5);
    expect(await readme.missingTests()).toEqual([]);
  });
});
