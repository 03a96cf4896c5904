import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const readme = await readFile(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```ts run\n(.*?)^```/gms)].map(([, code]) => code as string);

/** Runs a block as a program of its own, with the environment of a reader who has no Redis. */
async function execute(code: string): Promise<{ stdout: string; stderr: string }> {
  // Inside the package, so that it finds the package by its name.
  const folder = await mkdtemp(join(root, "test", ".readme-"));
  try {
    const file = join(folder, "block.ts");
    // `await using` is newer than the syntax that types are stripped from everywhere; Node 24 has both.
    await writeFile(file, code);
    return await run(process.execPath, ["--conditions=@crm/source", "--experimental-strip-types", file], {
      cwd: folder,
      env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1" },
      timeout: 20_000,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("README.md", () => {
  it("has no code block that is not run", () => {
    expect(blocks.length).toBe(3);
    expect([...readme.matchAll(/^```\w+/gm)].length).toBe(blocks.length);
  });

  it("begins with a warm key in at most 20 lines, which prints what it says", async () => {
    const [first = ""] = blocks;
    expect(first.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    expect((await execute(first)).stdout).toBe("1 [ { id: 1, name: 'Acme' } ]\n");
  });

  it.each(blocks.slice(1).map((code, i) => [i + 2, code] as const))(
    "has a block %i that runs to its end",
    async (_, code) => {
      expect(await execute(code)).toEqual({ stdout: "", stderr: "" });
    },
  );

  it("names only tests that exist", async () => {
    const files = new Set(
      [...readme.matchAll(/`(test\/[\w.-]+\.test\.ts)`/g)].map(([, file]) => file as string),
    );
    expect(files.size).toBeGreaterThan(5);
    for (const file of files) await expect(readFile(join(root, file), "utf8"), file).resolves.toBeTruthy();
  });
});
