import { readFile } from "node:fs/promises";
import type { EntityRules } from "@crm/cache-core";
import { InvalidRulesError } from "./errors.ts";
import { parseRules } from "./parse-rules.ts";

/** Reads rules from a YAML or JSON file. @throws InvalidRulesError, also when the file cannot be read */
export async function loadRules(path: string): Promise<EntityRules> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const message =
      cause instanceof Error && "code" in cause ? `cannot be read (${cause.code})` : "cannot be read";
    throw new InvalidRulesError({ source: path, issues: [{ path: "", message }], cause });
  }
  return parseRules(text, path);
}
