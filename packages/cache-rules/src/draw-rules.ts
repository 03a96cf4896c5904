import { type EntityRules, InvalidOptionError } from "@crm/cache-core";
import { checkRulesForm } from "./internal/check-rules-form.ts";
import { relatedNames } from "./internal/related-names.ts";

/** What `drawRules` takes beside the rules. */
export interface DrawRulesOptions {
  /** For Mermaid, or for Graphviz. @default "mermaid" */
  readonly format?: "mermaid" | "dot" | undefined;
}

/**
 * The graph of related entities as text for Mermaid or Graphviz. Entities without a rule are dashed.
 *
 * @throws InvalidRulesError, InvalidOptionError
 */
export function drawRules(rules: EntityRules, options: DrawRulesOptions = {}): string {
  checkRulesForm(rules);
  if (options?.format !== undefined && options.format !== "mermaid" && options.format !== "dot") {
    throw new InvalidOptionError({
      option: "format",
      received: options.format,
      expected: '"mermaid" or "dot"',
    });
  }
  const names = Object.keys(rules);
  const all = [
    ...new Set([...names, ...names.flatMap((name) => relatedNames(rules[name] as EntityRules[string]))]),
  ];
  const id = (name: string): string => `e${all.indexOf(name)}`;
  const edges = names.flatMap((name) =>
    relatedNames(rules[name] as EntityRules[string]).map((related) => [name, related] as const),
  );
  const defined = (name: string): boolean => Object.hasOwn(rules, name);
  if (options?.format === "dot") {
    const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
    return [
      "digraph rules {",
      ...all.map((name) => `  ${id(name)} [label=${quote(name)}${defined(name) ? "" : ", style=dashed"}];`),
      ...edges.map(([from, to]) => `  ${id(from)} -> ${id(to)};`),
      "}",
      "",
    ].join("\n");
  }
  const quote = (text: string): string =>
    `"${text.replace(/["#&<>`\\]/g, (character) => `#${character.charCodeAt(0)};`)}"`;
  return [
    "graph LR",
    ...all.map((name) => `  ${id(name)}[${quote(name)}]`),
    ...edges.map(([from, to]) => `  ${id(from)} --> ${id(to)}`),
    ...all.filter((name) => !defined(name)).map((name) => `  style ${id(name)} stroke-dasharray: 4`),
    "",
  ].join("\n");
}
