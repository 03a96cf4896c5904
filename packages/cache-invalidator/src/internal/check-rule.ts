import { type EntityRelation, type EntityRule, InvalidOptionError, parseDuration } from "@crm/cache-core";
import { plain } from "./check-event.ts";
import { isPlain, MAX_BYTES } from "./event-text.ts";

function isEvent(value: unknown): boolean {
  return value === "entity:created" || value === "entity:updated" || value === "entity:deleted";
}

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
 * Refuses what is no rule. A field that nobody knows is refused as well: a relation whose name is misspelt would be missing,
 * and what it leads to would stay.
 *
 * @throws InvalidOptionError, InvalidEventError, InvalidDurationError
 */
export function checkRule(entity: string, rule: EntityRule): EntityRule {
  plain(entity, "entityType", MAX_BYTES.entityType);
  const refuse = (field: string, received: unknown, expected: string): never => {
    throw new InvalidOptionError({ option: `rules.${entity}${field}`, received, expected });
  };
  if (typeof rule !== "object" || rule === null) refuse("", rule, "a rule with `patterns`");
  const onlyFields = (object: object, known: object, where: string): void => {
    for (const [field, value] of Object.entries(object)) {
      if (value === undefined || Object.hasOwn(known, field)) continue;
      refuse(`${where}.${field}`, value, `no such field, but ${Object.keys(known).join(", ")}`);
    }
  };
  onlyFields(rule, RULE_FIELDS, "");
  if (!Array.isArray(rule.patterns)) refuse(".patterns", rule.patterns, "an array of globs");
  for (const pattern of rule.patterns) {
    const ok = typeof pattern === "string" && pattern !== "" && Buffer.byteLength(pattern) <= 1024;
    if (!ok || /\p{Cc}|\p{Cs}/u.test(pattern))
      refuse(".patterns", pattern, "globs without control characters");
  }
  if (rule.relatedEntities !== undefined && !Array.isArray(rule.relatedEntities)) {
    refuse(".relatedEntities", rule.relatedEntities, "an array of entities");
  }
  for (const relation of rule.relatedEntities ?? []) {
    const name: unknown = typeof relation === "string" ? relation : relation?.entity;
    if (!isPlain(name, MAX_BYTES.entityType)) {
      const expected = `names of entities, or objects with one: 1 to ${MAX_BYTES.entityType} bytes without control characters`;
      refuse(".relatedEntities", name, expected);
    }
    if (typeof relation === "string") continue;
    onlyFields(relation, RELATION_FIELDS, ".relatedEntities");
    const { idFrom, ids, whenUnknown } = relation;
    const fields = idFrom === undefined || typeof idFrom === "string" ? [] : idFrom;
    if (!Array.isArray(fields) || fields.some((field) => typeof field !== "string")) {
      refuse(".relatedEntities.idFrom", idFrom, "the name of a field, or an array of them");
    }
    if (ids !== undefined && typeof ids !== "function") refuse(".relatedEntities.ids", ids, "a function");
    if (whenUnknown !== undefined && !["all", "collections", "nothing"].includes(whenUnknown)) {
      refuse(".relatedEntities.whenUnknown", whenUnknown, '"all", "collections" or "nothing"');
    }
  }
  const { soft, scoped, dependencies, endsSessions } = rule;
  for (const [field, flag] of Object.entries({ soft, scoped })) {
    if (flag !== undefined && typeof flag !== "boolean") refuse(`.${field}`, flag, "true or false");
  }
  if (dependencies !== undefined && !["together", "only", "off"].includes(dependencies)) {
    refuse(".dependencies", dependencies, '"together", "only" or "off"');
  }
  if (endsSessions !== undefined && !(Array.isArray(endsSessions) && endsSessions.every(isEvent))) {
    refuse(".endsSessions", endsSessions, "an array of entity:created, entity:updated, entity:deleted");
  }
  if (rule.customHandler !== undefined && typeof rule.customHandler !== "function") {
    refuse(".customHandler", rule.customHandler, "a function");
  }
  if (rule.handlerTimeout !== undefined) parseDuration(rule.handlerTimeout, `rules.${entity}.handlerTimeout`);
  return rule;
}
