import type { EntityRelation, EntityRule } from "@crm/cache-core";
import { InvalidRulesError, type RuleIssue } from "../errors.ts";

const RULE_FIELDS: Readonly<Record<keyof EntityRule, true>> = {
  patterns: true,
  relatedEntities: true,
  scoped: true,
  soft: true,
  dependencies: true,
  endsSessions: true,
  customHandler: true,
  handlerTimeout: true,
};
const RELATION_FIELDS: Readonly<Record<keyof EntityRelation, true>> = {
  entity: true,
  idFrom: true,
  ids: true,
  whenUnknown: true,
};

/**
 * Rules that code made hold functions and have passed a compiler, or should have: what would be read is looked at, and
 * whether there is something that nobody reads: a field that is misspelt.
 *
 * @throws InvalidRulesError that names every place at fault
 */
export function checkRulesForm(rules: unknown): void {
  if (!isObject(rules)) refuse([{ path: "", message: "expected an object of rules by entity" }]);
  const issues: RuleIssue[] = [];
  for (const [entity, rule] of Object.entries(rules)) {
    if (!isObject(rule)) {
      issues.push({ path: entity, message: "expected a rule with `patterns`" });
      continue;
    }
    issues.push(...unknownFields(rule, RULE_FIELDS, entity));
    const { patterns, relatedEntities = [], endsSessions = [] } = rule;
    if (!Array.isArray(patterns) || patterns.some((pattern) => typeof pattern !== "string" || pattern === ""))
      issues.push({ path: `${entity}.patterns`, message: "expected an array of globs" });
    if (!Array.isArray(relatedEntities) || !relatedEntities.every(isRelation))
      issues.push({ path: `${entity}.relatedEntities`, message: "expected an array of entities" });
    else
      for (const [i, relation] of relatedEntities.entries())
        if (isObject(relation))
          issues.push(...unknownFields(relation, RELATION_FIELDS, `${entity}.relatedEntities[${i}]`));
    if (!Array.isArray(endsSessions))
      issues.push({ path: `${entity}.endsSessions`, message: "expected an array of events" });
  }
  if (issues.length > 0) refuse(issues);
}

function unknownFields(object: object, known: object, path: string): RuleIssue[] {
  return Object.entries(object)
    .filter(([field, value]) => value !== undefined && !Object.hasOwn(known, field))
    .map(([field]) => ({
      path: `${path}.${field}`,
      message: `no such field, but ${Object.keys(known).join(", ")}`,
    }));
}

function refuse(issues: readonly RuleIssue[]): never {
  throw new InvalidRulesError({ source: "rules", issues });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRelation(value: unknown): boolean {
  return typeof value === "string" || (isObject(value) && typeof value.entity === "string");
}
