import { expect, it } from "vitest";
import { drawRules } from "./draw-rules.ts";

const rules = { 'a"b': { patterns: ["x"], relatedEntities: ["c", "missing"] }, c: { patterns: [] } };

it("draws Mermaid, quoting what would be syntax, and dashes what no rule defines", () => {
  expect(drawRules(rules)).toMatchInlineSnapshot(`
    "graph LR
      e0["a#34;b"]
      e1["c"]
      e2["missing"]
      e0 --> e1
      e0 --> e2
      style e2 stroke-dasharray: 4
    "
  `);
});

it("draws DOT", () => {
  expect(drawRules(rules, { format: "dot" })).toMatchInlineSnapshot(`
    "digraph rules {
      e0 [label="a\\"b"];
      e1 [label="c"];
      e2 [label="missing", style=dashed];
      e0 -> e1;
      e0 -> e2;
    }
    "
  `);
});

it("a name that Mermaid would take for markdown, or could not read, is written by character codes", () => {
  const odd = { "`a": { patterns: [] }, "b\\c": { patterns: [] } };
  expect(drawRules(odd).split("\n").slice(1, 3)).toEqual(['  e0["#96;a"]', '  e1["b#92;c"]']);
});
