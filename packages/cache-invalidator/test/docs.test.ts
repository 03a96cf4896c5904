import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startPostgres } from "@crm/testkit";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");

/** Runs the first block marked `ts run` as a program of its own. */
async function runExample(
  text: string,
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const code = /^```ts run\n(.*?)^```/ms.exec(text)?.[1] as string;
  // Inside the package, so that it finds the package by its name.
  const folder = await mkdtemp(join(root, "test", ".docs-"));
  try {
    const file = join(folder, "block.ts");
    await writeFile(file, code);
    return await run(process.execPath, ["--conditions=@crm/source", file], {
      cwd: folder,
      env: { PATH: process.env.PATH, NODE_NO_WARNINGS: "1", ...env },
      timeout: 20_000,
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("the examples", () => {
  test("of the outbox prints the event that was committed", async () => {
    await using postgres = await startPostgres();
    const text = await readFile(join(root, "docs-outbox.md"), "utf8");
    expect(await runExample(text, { DATABASE_URL: postgres.url })).toEqual({
      stdout: "entity:updated companies 42\n",
      stderr: "",
    });
  });

  test("of the meter prints its figures", async () => {
    const text = await readFile(join(root, "docs-meter.md"), "utf8");
    expect(await runExample(text)).toEqual({
      stdout: "1 [ [ 60, null ], [ 300, null ], [ 600, null ] ]\n",
      stderr: "",
    });
  });
});

test.each(["docs-outbox.md", "docs-meter.md"])("%s names only tests that exist", async (name) => {
  const text = await readFile(join(root, name), "utf8");
  const files = new Set(
    [...text.matchAll(/`((?:test|src)\/[\w./-]+\.test\.ts)`/g)].map(([, file]) => file as string),
  );
  expect(files.size).toBeGreaterThan(1);
  for (const file of files) await expect(readFile(join(root, file), "utf8"), file).resolves.toBeTruthy();
});
