import { InvalidRulesError, type RuleIssue } from "../errors.ts";

/**
 * Rules that code made hold functions and have passed a compiler, or should have: only what would be read is looked at.
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
    const { patterns, relatedEntities = [], endsSessions = [] } = rule;
    if (!Array.isArray(patterns) || patterns.some((pattern) => typeof pattern !== "string" || pattern === ""))
      issues.push({ path: `${entity}.patterns`, message: "expected an array of globs" });
    if (!Array.isArray(relatedEntities) || !relatedEntities.every(isRelation))
      issues.push({ path: `${entity}.relatedEntities`, message: "expected an array of entities" });
    if (!Array.isArray(endsSessions))
      issues.push({ path: `${entity}.endsSessions`, message: "expected an array of events" });
  }
  if (issues.length > 0) refuse(issues);
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
