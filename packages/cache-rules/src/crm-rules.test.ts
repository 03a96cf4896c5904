import { expect, it } from "vitest";
import { crmRules } from "./crm-rules.ts";
import { preciseCrmRules } from "./precise-crm-rules.ts";

/** The table as users know it. */
const TABLE = `
companies  | companies:* companies:list:* companies:industries                | projects contacts deals
projects   | projects:* projects:list:* projects:active projects:stats        | tasks milestones companies
tasks      | tasks:* tasks:list:* projects:*:tasks                            | projects
milestones | milestones:* milestones:list:* projects:*:milestones             | projects
users      | users:* users:list:* users:active                                | session permissions
deals      | deals:* deals:list:* deals:open deals:stats                      | quotes companies contacts
quotes     | quotes:* quotes:list:*                                           | deals companies
contacts   | contacts:* contacts:list:*                                       | companies leads
leads      | leads:* leads:list:* leads:recent                                | contacts
`;

const rows = TABLE.trim()
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim().split(/\s+/)) as [string[], string[], string[]]);

it.each(rows)("the rule of %s is that of the table", ([entity], patterns, related) => {
  expect(crmRules[entity as keyof typeof crmRules].patterns).toEqual(patterns);
  expect(crmRules[entity as keyof typeof crmRules].relatedEntities).toEqual(related);
});

it("there are no others but the scoped ones of the user", () => {
  const names = Object.keys(crmRules).filter((name) => !rows.some(([[entity]]) => entity === name));
  expect(names).toEqual(["session", "permissions"]);
  for (const name of names as ("session" | "permissions")[]) {
    expect(crmRules[name].scoped).toBe(true);
    for (const pattern of crmRules[name].patterns) expect(pattern).toContain("{id}");
  }
});

it("the precise rules take all parents that the data does not name, and of children their lists", () => {
  const children = Object.entries(preciseCrmRules).flatMap(([name, { relatedEntities = [] }]) =>
    relatedEntities.flatMap((relation) =>
      typeof relation !== "string" && relation.whenUnknown === "collections"
        ? [`${name} > ${relation.entity}`]
        : [],
    ),
  );
  expect(children).toEqual([
    ...["companies > projects", "companies > contacts", "companies > deals", "projects > tasks"],
    ...["projects > milestones", "deals > quotes", "contacts > leads"],
  ]);
});

it("the precise rules have the relations of the table", () => {
  for (const [[entity], , related] of rows) {
    const own = preciseCrmRules[entity as keyof typeof crmRules].relatedEntities ?? [];
    expect(own.map((relation) => (typeof relation === "string" ? relation : relation.entity))).toEqual(
      related,
    );
  }
});
