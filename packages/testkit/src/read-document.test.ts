import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readDocument } from "./read-document.ts";

const FENCE = "```";
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "document-"));
  await mkdir(join(root, "test"));
  await writeFile(join(root, "test/there.test.ts"), "");
  const blocks = [
    `${FENCE}ts run\nconsole.log("first", process.env.NAME ?? "nobody");\n${FENCE}`,
    `${FENCE}sh\nls\n${FENCE}`,
    `${FENCE}\nplain\n${FENCE}`,
    `${FENCE}ts run\nthrow new Error("not well");\n${FENCE}`,
  ];
  const text = `# A package\n\n${blocks.join("\n\n")}\n\nSee \`test/there.test.ts\` and \`src/gone.test.ts\`.\n`;
  await writeFile(join(root, "README.md"), text);
});
afterAll(() => rm(root, { recursive: true }));

test("knows the programs, the other blocks and the tests that are named", async () => {
  const readme = await readDocument(root, "README.md");
  expect(readme.programs.length).toBe(2);
  expect(readme.languages).toEqual(["ts", "sh", "", "ts"]);
  expect(readme.tests).toEqual(["test/there.test.ts", "src/gone.test.ts"]);
  expect(await readme.missingTests()).toEqual(["src/gone.test.ts"]);
});

test("runs a program, and tells when it does not end well", async () => {
  const { programs, run } = await readDocument(root, "README.md");
  const [good = "", bad = ""] = programs;
  expect(await run(good)).toEqual({ stdout: "first nobody\n", stderr: "" });
  expect((await run(good, { NAME: "Ana" })).stdout).toBe("first Ana\n");
  await expect(run(bad)).rejects.toThrow("not well");
});
