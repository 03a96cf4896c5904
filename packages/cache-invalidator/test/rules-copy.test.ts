import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

const packages = join(import.meta.dirname, "..", "..");

async function literal(file: string, name: string): Promise<string> {
  const text = await readFile(join(packages, file), "utf8");
  const from = text.indexOf(`export const ${name}`);
  expect(from, `${name} in ${file}`).toBeGreaterThan(-1);
  return text.slice(text.indexOf("= {", from), text.indexOf("\n};", from)).replace(/[\s,]+/g, "");
}

it.each([
  ["tableRules", "cache-rules/src/crm-rules.ts", "crmRules"],
  ["preciseRules", "cache-rules/src/precise-crm-rules.ts", "preciseCrmRules"],
])("%s are those of %s", async (copy, file, name) => {
  expect(await literal("cache-invalidator/test/support/rules.ts", copy)).toBe(await literal(file, name));
});
