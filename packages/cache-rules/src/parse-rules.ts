import { type EntityRules, parseDuration } from "@crm/cache-core";
import { type Document, isNode, LineCounter, parseDocument, YAMLError } from "yaml";
import * as z from "zod";
import { InvalidRulesError } from "./errors.ts";

const RELATION =
  "expected a name, or an object with `entity` and, if any, `idFrom` and `whenUnknown` (all, collections or nothing)";

/**
 * Reads rules from YAML, of which JSON is a part, and checks their form: an object of entity names with the fields of
 * `EntityRule`, but for those that hold code (`customHandler`, `ids`).
 *
 * @param source how errors call the text
 * @throws InvalidRulesError that names every place at fault
 */
export function parseRules(text: string, source: string = "rules"): EntityRules {
  if (typeof text !== "string")
    throw new InvalidRulesError({ source, issues: [{ path: "", message: "expected text" }] });
  const lines = new LineCounter();
  let document: Document;
  let value: unknown;
  try {
    document = parseDocument(text, { prettyErrors: true, merge: true, lineCounter: lines });
    // A warning is a tag that nobody knows: what it stands for would be read as something else.
    const fault = document.errors[0] ?? document.warnings[0];
    if (fault !== undefined) throw fault;
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const where = cause instanceof YAMLError ? cause.linePos?.[0] : undefined;
    const message =
      cause instanceof Error ? (cause.message.split("\n")[0] as string).replace(/:$/, "") : String(cause);
    throw new InvalidRulesError({
      source,
      issues: [{ path: where === undefined ? "" : `line ${where.line}, column ${where.col}`, message }],
      cause,
    });
  }
  // zod leaves this one key out without a word, and the rule with it.
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
    throw new InvalidRulesError({
      source,
      issues: [{ path: "__proto__", message: "an entity cannot have this name" }],
    });
  }
  const checked = rulesSchema().safeParse(value);
  if (checked.success) return checked.data as EntityRules;
  const issues = checked.error.issues.map((issue) => ({
    path: pathText(issue.path),
    line: lineOf(document, [...issue.path, ...(issue.code === "unrecognized_keys" ? issue.keys : [])], lines),
    // Of a name zod says only that it is none; why not, it says inside.
    message: (issue.code === "invalid_key" ? issue.issues[0]?.message : undefined) ?? issue.message,
  }));
  throw new InvalidRulesError({ source, issues });
}

function rulesSchema(): z.ZodType {
  const name = z
    .string()
    .refine(
      (text) => isText(text, 128) && !/[{}]/.test(text),
      "expected 1 to 128 bytes without control characters or braces",
    );
  const pattern = z
    .string()
    .refine((text) => isText(text, 1024), "expected a glob: 1 to 1024 bytes without control characters");
  const field = z.string().min(1).max(128);
  const relation = z.strictObject({
    entity: name,
    idFrom: z.union([field, z.array(field).min(1)]).optional(),
    whenUnknown: z.enum(["all", "collections", "nothing"]).optional(),
  });
  const events = z.enum(["entity:created", "entity:updated", "entity:deleted"]);
  const duration = z.custom(
    isDuration,
    'expected seconds above 0, or a duration such as "250ms", up to 10 years',
  );
  const rule = z.strictObject({
    patterns: z.array(pattern),
    relatedEntities: z.array(z.union([name, relation], RELATION)).optional(),
    scoped: z.boolean().optional(),
    soft: z.boolean().optional(),
    dependencies: z.enum(["together", "only", "off"]).optional(),
    endsSessions: z.array(events).optional(),
    handlerTimeout: duration.optional(),
  });
  return z.record(name, rule);
}

/** As the invalidator will: rules that the checker lets pass must not keep an application from starting. */
function isText(text: string, maxBytes: number): boolean {
  return text !== "" && Buffer.byteLength(text) <= maxBytes && !/\p{Cc}|\p{Cs}/u.test(text);
}

function isDuration(value: unknown): boolean {
  try {
    parseDuration(value, "handlerTimeout");
    return true;
  } catch {
    return false;
  }
}

/** The line of what a path leads to, or of the last on the way that is there; merged and missing things have no place. */
function lineOf(document: Document, path: readonly PropertyKey[], lines: LineCounter): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return undefined;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === "number" ? `[${part}]` : `${i > 0 ? "." : ""}${String(part)}`))
    .join("");
}
