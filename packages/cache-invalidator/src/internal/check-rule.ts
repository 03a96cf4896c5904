import { type EntityRule, InvalidOptionError, parseDuration } from "@crm/cache-core";
import { plain } from "./check-event.ts";

/** Refuses what is no rule. @throws InvalidOptionError, InvalidEventError, InvalidDurationError */
export function checkRule(entity: string, rule: EntityRule): EntityRule {
  plain(entity, "entityType", 128);
  const refuse = (field: string, received: unknown, expected: string): never => {
    throw new InvalidOptionError({ option: `rules.${entity}${field}`, received, expected });
  };
  if (typeof rule !== "object" || rule === null) refuse("", rule, "a rule with `patterns`");
  if (!Array.isArray(rule.patterns)) refuse(".patterns", rule.patterns, "an array of globs");
  for (const pattern of rule.patterns) {
    const ok = typeof pattern === "string" && pattern !== "" && Buffer.byteLength(pattern) <= 1024;
    if (!ok || /\p{Cc}|\p{Cs}/u.test(pattern))
      refuse(".patterns", pattern, "globs without control characters");
  }
  for (const relation of rule.relatedEntities ?? []) {
    plain(typeof relation === "string" ? relation : relation?.entity, "relatedEntities", 128);
  }
  if (rule.customHandler !== undefined && typeof rule.customHandler !== "function") {
    refuse(".customHandler", rule.customHandler, "a function");
  }
  if (rule.handlerTimeout !== undefined) parseDuration(rule.handlerTimeout, `rules.${entity}.handlerTimeout`);
  return rule;
}
