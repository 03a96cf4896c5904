import type { EntityRules } from "@crm/cache-core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkRules } from "./check-rules.ts";
import { crmRules } from "./crm-rules.ts";
import { drawRules } from "./draw-rules.ts";
import { InvalidRulesError } from "./errors.ts";
import { findCycles } from "./internal/find-cycles.ts";
import { preciseCrmRules } from "./precise-crm-rules.ts";

const codes = (report: ReturnType<typeof checkRules>): string[] =>
  report.findings.map(({ code, entity, pattern }) => [code, entity, pattern].filter(Boolean).join(" "));

describe("checkRules", () => {
  it("finds the four defects of the table without the scoped rules", () => {
    const { session: _, permissions: __, ...table } = crmRules;
    const report = checkRules(table);
    expect(report.findings.filter(({ level }) => level === "error")).toMatchInlineSnapshot(`
      [
        {
          "code": "undefined-entity",
          "entity": "users",
          "level": "error",
          "message": "is related to session, which has no rule; session:* would be invalidated",
        },
        {
          "code": "undefined-entity",
          "entity": "users",
          "level": "error",
          "message": "is related to permissions, which has no rule; permissions:* would be invalidated",
        },
      ]
    `);
    expect(codes(report)).toContain("shadowed-pattern companies companies:list:*");
    expect(codes(report)).toContain("no-prefix tasks projects:*:tasks");
    expect(report.findings.find(({ code }) => code === "cycle")?.message).toBe(
      "8 entities reach one another: companies, contacts, deals, leads, milestones, projects, quotes, tasks; " +
        "followed without a depth, a change of one takes all",
    );
  });

  it("has no error for either of the predefined sets, and tells how much each event takes", () => {
    expect(checkRules(crmRules).errors).toBe(0);
    const precise = checkRules(preciseCrmRules);
    expect([precise.errors, precise.warnings]).toEqual([0, 0]);
    const [companies] = checkRules(crmRules).blastRadius.filter(({ entity }) => entity === "companies");
    expect(companies).toMatchObject({
      events: ["entity:created", "entity:updated", "entity:deleted"],
      whole: ["companies", "projects", "contacts", "deals"],
      patterns: ["companies:*", "projects:*", "contacts:*", "deals:*"],
      endsSessions: false,
    });
    const users = checkRules(crmRules).blastRadius.filter(({ entity }) => entity === "users");
    expect(users.map(({ events, endsSessions, whole }) => [events, endsSessions, whole])).toEqual([
      [["entity:deleted"], true, ["users"]],
      [["entity:created", "entity:updated"], false, ["users"]],
    ]);
    expect(precise.blastRadius.every(({ whole }) => whole.length === 0)).toBe(true);
  });

  it("without a depth the table takes 8 of 11 entities, and a budget makes that an error", () => {
    const report = checkRules(crmRules, { cascadeDepth: 9, maxShare: 0.5 });
    expect(report.blastRadius.find(({ entity }) => entity === "leads")?.whole.length).toBe(8);
    expect(report.findings.filter(({ code }) => code === "blast-radius").map(({ entity }) => entity)).toEqual(
      "companies projects tasks milestones deals quotes contacts leads".split(" "),
    );
  });

  it("counts of a related entity whose ids are never known what the relation says", () => {
    const b = { patterns: ["b:{id}:*", "b:list"], relatedEntities: ["a"] };
    const reach = (whenUnknown: "all" | "collections" | "nothing") =>
      checkRules(
        { a: { patterns: ["a:{id}"], relatedEntities: [{ entity: "b", whenUnknown }] }, b },
        { cascadeDepth: 2 },
      ).blastRadius[0];
    expect(reach("all")?.patterns).toEqual(["a:*", "b:*:*", "b:list"]);
    expect(reach("collections")).toMatchObject({
      patterns: ["a:{id}", "b:list"],
      whole: [],
      entities: ["a", "b"],
    });
    expect(reach("nothing")).toMatchObject({ patterns: ["a:{id}"], entities: ["a"] });
  });

  it("knows ids no further than the invalidator: data names them at the first step, and all have none to pass on", () => {
    const radius = (rules: EntityRules, entity: string, cascadeDepth: number) =>
      checkRules(rules, { cascadeDepth }).blastRadius.find((each) => each.entity === entity);
    // The project that the data names is updated without data: its company may be any.
    expect(radius(preciseCrmRules, "tasks", 1)?.whole).toEqual([]);
    expect(radius(preciseCrmRules, "tasks", 2)?.whole).toEqual(["companies"]);
    const staff = {
      teams: { patterns: ["teams:{id}"], relatedEntities: ["users"] },
      users: { patterns: ["users:{id}"], relatedEntities: ["session"] },
      session: { patterns: ["session:{id}"], scoped: true, endsSessions: ["entity:deleted"] },
    } as const;
    expect(radius(staff, "teams", 2)).toMatchObject({
      whole: ["users", "session"],
      endsSessions: false,
      events: ["entity:created", "entity:updated", "entity:deleted"],
    });
    expect(radius(staff, "users", 1)).toMatchObject({ whole: [], endsSessions: true });
    // As an object the relation says no more than by its name.
    const byObject = { ...staff, users: { ...staff.users, relatedEntities: [{ entity: "session" }] } };
    expect(radius(byObject, "users", 1)).toMatchObject({ whole: [], endsSessions: true });
    const byCode = {
      ...staff,
      teams: { ...staff.teams, relatedEntities: [{ entity: "users", ids: () => [] }] },
    };
    expect(radius(byCode, "teams", 1)?.whole).toEqual([]);
    const only = { ...crmRules, users: { ...crmRules.users, dependencies: "only" } } as const;
    expect(radius(only, "users", 1)).toMatchObject({
      entities: ["users", "session", "permissions"],
      whole: [],
    });
  });

  it("says which of two equal patterns can go, and that an empty rule does nothing", () => {
    const report = checkRules({
      a: { patterns: ["a:1", "a:1"] },
      b: { patterns: [] },
      c: { patterns: ["*:c"] },
    });
    expect(codes(report)).toEqual(["shadowed-pattern a a:1", "empty-rule b", "no-prefix c *:c"]);
    expect(report.findings[2]?.message).toMatch(/every key of the cache/);
  });
});

describe("many rules", () => {
  const many = (count: number, ...steps: number[]): EntityRules =>
    Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `e${i}`,
        {
          patterns: [`e${i}:{id}`, `e${i}:{id}:*`, `e${i}:list:*`],
          relatedEntities: steps.map((step) => `e${(i + step) % count}`),
        },
      ]),
    );

  it("compares only patterns that can cover one another", () => {
    const [radius] = checkRules(many(400, 1, 7, 40), { cascadeDepth: 2 }).blastRadius;
    // Of all but the changed one everything goes, and that covers the rest.
    expect(radius?.entities).toHaveLength(10);
    expect(radius?.patterns).toHaveLength(3 + 9);
  }, 2_500);

  it("a chain of any length is followed", () => {
    const chain = { ...many(20_000, 1), e19999: { patterns: ["e19999:*"] } };
    expect(findCycles(chain)).toEqual([]);
    expect(findCycles(many(20_000, 1))[0]).toHaveLength(20_000);
  }, 2_500);

  it("what covers a pattern may begin with more than it, where a class stands for one character", () => {
    const rules = { a: { patterns: ["[b]*"], relatedEntities: ["b"] }, b: { patterns: ["b*"] } };
    expect(checkRules(rules).blastRadius[0]?.patterns).toEqual(["[b]*"]);
    const other = { a: { patterns: ["[b]x:*"], relatedEntities: ["b"] }, b: { patterns: ["bx*"] } };
    expect(checkRules(other).blastRadius[0]?.patterns).toEqual(["bx*"]);
  });
});

describe("findCycles", () => {
  it("agrees with plain reachability, on random graphs", () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const graphs = fc.array(fc.subarray(names), { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(graphs, (edges) => {
        const rules = Object.fromEntries(
          names.map((name, i) => [name, { patterns: [], relatedEntities: edges[i] ?? [] }]),
        );
        const reach = (from: string): Set<string> => {
          const seen = new Set<string>();
          const open = [...(rules[from]?.relatedEntities ?? [])];
          for (let name = open.pop(); name !== undefined; name = open.pop()) {
            if (!seen.has(name)) open.push(...(rules[name]?.relatedEntities ?? []));
            seen.add(name);
          }
          return seen;
        };
        const expected = new Set(
          names
            .filter((name) => reach(name).has(name))
            .map((name) => names.filter((other) => reach(name).has(other) && reach(other).has(name)).join()),
        );
        expect(new Set(findCycles(rules).map((cycle) => cycle.join()))).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

it("a placeholder that is not {id} stands for itself, which is said; with escapes it is meant", () => {
  const patterns = [
    "deals:{ID}",
    "deals:{companyId}:*",
    "deals:{id}:x",
    "deals:\\{tag\\}:x",
    "deals:{",
    "deals:{}",
  ];
  expect(codes(checkRules({ deals: { patterns } })).filter((code) => code.startsWith("unknown"))).toEqual([
    "unknown-placeholder deals deals:{ID}",
    "unknown-placeholder deals deals:{companyId}:*",
  ]);
});

describe("what is no rules, or no bound", () => {
  it.each([
    [null],
    [undefined],
    [5],
    [[]],
    [{ a: null }],
    [{ a: {} }],
    [{ a: { patterns: 5 } }],
    [{ a: { patterns: ["x", 1] } }],
    [{ a: { patterns: [], relatedEntities: "b" } }],
    [{ a: { patterns: [], relatedEntities: [null] } }],
    [{ a: { patterns: [], endsSessions: true } }],
    [{ a: { patterns: [], relatedEntites: ["b"] } }],
    [{ a: { patterns: [], relatedEntities: [{ entity: "b", idFrm: "id" }] } }],
  ])("%j is refused by the checker and by the drawing", (rules) => {
    expect(() => checkRules(rules as never)).toThrow(InvalidRulesError);
    expect(() => drawRules(rules as never)).toThrow(InvalidRulesError);
  });

  it.each([
    [{ maxShare: Number.NaN }],
    [{ maxShare: 5 }],
    [{ maxShare: "0.5" }],
    [{ cascadeDepth: Number.NaN }],
    [{ cascadeDepth: -1 }],
    [{ cascadeDepth: 17 }],
    [{ cascadeDepth: "1" }],
  ])("%j is refused, and does not pass for a bound that everything keeps", (options) => {
    expect(() => checkRules(crmRules, options as never)).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });

  it("a format that nobody draws is refused", () => {
    expect(() => drawRules(crmRules, { format: "svg" as never })).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});
