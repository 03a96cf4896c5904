export type {
  EntityChange,
  EntityEvent,
  EntityRelation,
  EntityRule,
  EntityRules,
  RelatedIds,
} from "@crm/cache-core";
export {
  type BlastRadius,
  type CheckRulesOptions,
  checkRules,
  type RuleFinding,
  type RulesReport,
} from "./check-rules.ts";
export { type CrmEntity, crmRules } from "./crm-rules.ts";
export { defineRules } from "./define-rules.ts";
export { type DrawRulesOptions, drawRules } from "./draw-rules.ts";
export { InvalidRulesError, type RuleIssue } from "./errors.ts";
export { loadRules } from "./load-rules.ts";
export { parseRules } from "./parse-rules.ts";
export { preciseCrmRules } from "./precise-crm-rules.ts";
