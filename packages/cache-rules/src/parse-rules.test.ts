import { expect, it } from "vitest";
import { crmRules } from "./crm-rules.ts";
import { InvalidRulesError } from "./errors.ts";
import { loadRules } from "./load-rules.ts";
import { parseRules } from "./parse-rules.ts";

function refusal(text: string): string {
  try {
    parseRules(text, "rules.yaml");
  } catch (error) {
    expect(InvalidRulesError.isInstance(error)).toBe(true);
    return (error as Error).message;
  }
  throw new Error("accepted");
}

it("reads JSON, and YAML", () => {
  expect(parseRules(JSON.stringify(crmRules))).toEqual(crmRules);
  expect(
    parseRules(`
companies:
  patterns: ["companies:{id}", "companies:list:*"]
  relatedEntities:
    - deals
    - { entity: users, idFrom: ownerId, whenUnknown: nothing }
deals: { patterns: ["deals:*"], soft: true, handlerTimeout: 2s }
`),
  ).toEqual({
    companies: {
      patterns: ["companies:{id}", "companies:list:*"],
      relatedEntities: ["deals", { entity: "users", idFrom: "ownerId", whenUnknown: "nothing" }],
    },
    deals: { patterns: ["deals:*"], soft: true, handlerTimeout: "2s" },
  });
});

it("follows anchors and merge keys", () => {
  const text = `
companies: &base { patterns: ["companies:*"], soft: true }
deals:
  <<: *base
  patterns: ["deals:*"]
<<: { users: { patterns: ["users:*"] } }
`;
  expect(parseRules(text)).toEqual({
    companies: { patterns: ["companies:*"], soft: true },
    deals: { patterns: ["deals:*"], soft: true },
    users: { patterns: ["users:*"] },
  });
});

it("names the line of each place at fault", () => {
  const text = `
companies:
  patterns: ["companies:*"]
  relatedEntites: [deals]
deals:
  patterns:
    - "deals:*"
    - 7
  relatedEntities:
    - companies
    - 5
    - { entity: companies, whenUnknown: maybe }
users: {}
`;
  expect(refusal(text).split("; ")).toMatchInlineSnapshot(`
    [
      "rules.yaml: expected rules, an object of entity names with \`patterns\` and, if any, \`relatedEntities\`",
      "companies (line 4): Unrecognized key: "relatedEntites"",
      "deals.patterns[1] (line 8): Invalid input: expected string, received number",
      "deals.relatedEntities[1] (line 11): expected a name, or an object with \`entity\` and, if any, \`idFrom\` and \`whenUnknown\` (all, collections or nothing)",
      "deals.relatedEntities[2] (line 12): expected a name, or an object with \`entity\` and, if any, \`idFrom\` and \`whenUnknown\` (all, collections or nothing)",
      "users.patterns (line 13): Invalid input: expected array, received undefined. Correct the rules named.",
    ]
  `);
});

it.each([
  ["broken YAML", "companies: [\n"],
  ["no object", "- 1"],
  ["nothing", ""],
  ["a rule without patterns", "companies: {}"],
  ["an unknown field", "companies: { patterns: [], relatedEntites: [deals] }"],
  ["a pattern that is none", 'companies: { patterns: ["", 7, "a\\u0001"] }'],
  ["a bad name", '"a{b}": { patterns: [] }'],
  ["a duplicate key", "a: { patterns: [] }\na: { patterns: [] }"],
  ["an alias bomb", `a: &a [x]\n${Array.from({ length: 200 }, (_, i) => `b${i}: *a`).join("\n")}`],
])("refuses %s and says where", (_, text) => {
  expect(refusal(text)).toMatchSnapshot();
});

it.each([
  ["a name of more bytes than an event may have", { ["ž".repeat(65)]: { patterns: [] } }],
  ["a pattern of more bytes than a glob may have", { a: { patterns: [`${"ž".repeat(512)}*`] } }],
  ["half a character", { a: { patterns: ["a\ud800*"] } }],
  ["a time limit of nothing", { a: { patterns: [], handlerTimeout: "0s" } }],
  ["a time limit of centuries", { a: { patterns: [], handlerTimeout: "99999d" } }],
  ["a time limit that is none", { a: { patterns: [], handlerTimeout: "soon" } }],
])("refuses %s, as the invalidator would when the application starts", (_, rules) => {
  expect(refusal(JSON.stringify(rules))).toMatch(
    /: expected (1 to 128 bytes|a glob: 1 to 1024|seconds above 0)/,
  );
});

it("a prototype cannot be reached, and the rule that would be lost is named", () => {
  expect(refusal("__proto__: { patterns: [x] }")).toMatch(/__proto__: an entity cannot have this name/);
  expect(({} as { patterns?: unknown }).patterns).toBe(undefined);
});

it("a tag that nobody knows is refused, and not read as if it were not there", () => {
  expect(refusal("a:\n  patterns: !!js/regexp [x]")).toMatch(/line 2.*Unresolved tag/);
});

it.each([[null], [undefined], [7], [{}]])("%j is no text", (text) => {
  expect(refusal(text as never)).toMatch(/expected text/);
});

it("a file that is not there is refused by its name", async () => {
  await expect(loadRules("missing.yaml")).rejects.toMatchObject({
    code: "INVALID_RULES",
    message: expect.stringMatching(/^missing\.yaml: .*cannot be read \(ENOENT\)/),
  });
});
