import { exec } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crmRules } from "../src/crm-rules.ts";
import { runCli } from "../src/internal/run-cli.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cache-rules-"));
  await writeFile(join(folder, "crm.json"), JSON.stringify(crmRules));
  await writeFile(
    join(folder, "clean.yaml"),
    'a: { patterns: ["a:*"], relatedEntities: [b] }\nb: { patterns: ["b:*"] }\n',
  );
  await writeFile(join(folder, "dangling.yaml"), 'a: { patterns: ["a:*"], relatedEntities: [b] }\n');
  await writeFile(join(folder, "broken.yaml"), "a: {\n");
});
afterAll(() => rm(folder, { recursive: true }));

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: "", err: "" };
  const code = await runCli(
    args.map((arg) => arg.replace("@", `${folder}/`)),
    { out: (text) => (said.out += text), err: (text) => (said.err += text) },
  );
  const shorten = (text: string): string => text.replaceAll(`${folder}/`, "");
  return { code, out: shorten(said.out), err: shorten(said.err) };
}

it.each([
  [0, ["check", "@clean.yaml", "--strict"]],
  [0, ["check", "@crm.json"]],
  [1, ["check", "@crm.json", "--strict"]],
  [1, ["check", "@crm.json", "--depth", "9", "--max-share", "0.5"]],
  [1, ["check", "@dangling.yaml"]],
  [2, ["check", "@broken.yaml"]],
  [2, ["check", "@missing.yaml"]],
  [2, ["check"]],
  [2, ["check", "@clean.yaml", "--depth", "x"]],
  [2, ["check", "@clean.yaml", "--depth="]],
  [2, ["check", "@clean.yaml", "--depth", "17"]],
  [2, ["check", "@clean.yaml", "--max-share="]],
  [2, ["check", "@clean.yaml", "--nonsense"]],
  [2, ["paint", "@clean.yaml"]],
  [0, ["draw", "@clean.yaml", "--format", "dot"]],
  [0, ["--help"]],
])("ends with %i for %j", async (code, args) => {
  const { code: got, out, err } = await cli(...args);
  expect(got).toBe(code);
  expect(code === 2 ? err : out).not.toBe("");
});

it("ends without a word when nobody reads on", async () => {
  const program = `"${process.execPath}" --conditions=@crm/source src/cli.ts draw "${folder}/crm.json"`;
  const { stderr } = await promisify(exec)(`${program} | true`, {
    cwd: join(import.meta.dirname, ".."),
    env: { ...process.env, NODE_NO_WARNINGS: "1" },
  });
  expect(stderr).toBe("");
});

it("says what it found, for people and for programs", async () => {
  expect((await cli("check", "@dangling.yaml")).out).toMatchInlineSnapshot(`
    "error   undefined-entity a: is related to b, which has no rule; b:* would be invalidated

    A change takes:
      a (created, updated, deleted): 2 reached; a, b wholly

    dangling.yaml: 1 errors, 0 warnings
    "
  `);
  expect(JSON.parse((await cli("check", "@dangling.yaml", "--json")).out)).toMatchObject({ errors: 1 });
  expect((await cli("check", "@broken.yaml")).err).toMatch(/^broken\.yaml: expected rules/);
});
