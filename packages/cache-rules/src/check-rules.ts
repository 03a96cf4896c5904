import { compileGlob, type EntityRules, escapeGlob, InvalidOptionError } from "@crm/cache-core";
import { checkRulesForm } from "./internal/check-rules-form.ts";
import { findCycles } from "./internal/find-cycles.ts";
import { followReach, type Place, ruleOf } from "./internal/follow-reach.ts";
import { PatternCover, withId } from "./internal/pattern-cover.ts";
import { relatedNames } from "./internal/related-names.ts";

/** One thing the checker has to say. */
export interface RuleFinding {
  /** `error`: something is missing. `warning`: it works, at a price. `info`: worth knowing. */
  readonly level: "error" | "warning" | "info";
  readonly code:
    | "undefined-entity"
    | "cycle"
    | "shadowed-pattern"
    | "no-prefix"
    | "unknown-placeholder"
    | "empty-rule"
    | "blast-radius";
  readonly entity: string;
  readonly pattern?: string | undefined;
  readonly message: string;
}

/** What a change of one entity reaches. */
export interface BlastRadius {
  readonly entity: string;
  /** The events that reach exactly this. */
  readonly events: readonly ("entity:created" | "entity:updated" | "entity:deleted")[];
  /** Entities whose rules apply, the changed one first. */
  readonly entities: readonly string[];
  /** Of these, the ones that go wholly, whichever instance changed. */
  readonly whole: readonly string[];
  /** Patterns that are left when those that others cover are taken away. */
  readonly patterns: readonly string[];
  /** `whole` as a share of all entities, 0 to 1. */
  readonly share: number;
  readonly endsSessions: boolean;
}

/** What `checkRules` found. */
export interface RulesReport {
  readonly findings: readonly RuleFinding[];
  /** For each entity that has a rule, one for each set of events that reach the same. */
  readonly blastRadius: readonly BlastRadius[];
  /** Findings of the level `error`, and of `warning`. */
  readonly errors: number;
  readonly warnings: number;
}

/** What `checkRules` takes beside the rules. */
export interface CheckRulesOptions {
  /** Steps of the cascade, as the invalidator will follow them, 0 to 16. @default 1 */
  readonly cascadeDepth?: number | undefined;
  /** A change may empty at most this share of the entities; more is an error. 0 to 1. @default 1 */
  readonly maxShare?: number | undefined;
}

const EVENTS = ["entity:created", "entity:updated", "entity:deleted"] as const;
const PLACEHOLDERS = /\{\w+\}/g;

/**
 * Says what rules mean: entities that no rule defines, cycles, patterns that another covers, patterns that no index by
 * prefix can serve, and how much each event takes with it. Changes nothing and reads no cache.
 *
 * @throws InvalidRulesError for what has not the form of rules; InvalidOptionError
 */
export function checkRules(rules: EntityRules, options: CheckRulesOptions = {}): RulesReport {
  checkRulesForm(rules);
  const { cascadeDepth = 1, maxShare = 1 } = options ?? {};
  // A bound that is no number would find every change small enough.
  if (!Number.isInteger(cascadeDepth) || cascadeDepth < 0 || cascadeDepth > 16) {
    const expected = "a whole number from 0 to 16";
    throw new InvalidOptionError({ option: "cascadeDepth", received: cascadeDepth, expected });
  }
  if (typeof maxShare !== "number" || !(maxShare >= 0 && maxShare <= 1)) {
    const expected = "a number from 0 to 1";
    throw new InvalidOptionError({ option: "maxShare", received: maxShare, expected });
  }
  const names = Object.keys(rules);
  const cover = new PatternCover();
  const findings: RuleFinding[] = [];
  for (const entity of names) findings.push(...checkEntity(rules, entity, cover));
  for (const cycle of findCycles(rules)) {
    findings.push({
      level: "info",
      code: "cycle",
      entity: cycle[0] as string,
      message:
        cycle.length === 1
          ? `${cycle[0]} is related to itself`
          : `${cycle.length} entities reach one another: ${cycle.join(", ")}; followed without a depth, a change of one takes all`,
    });
  }
  const all = new Set([...names, ...Object.values(rules).flatMap(relatedNames)]).size;
  const blastRadius = names.flatMap((entity) => radiiOf(rules, entity, { cascadeDepth, cover, all }));
  for (const { entity, share, whole } of blastRadius) {
    if (share > maxShare) {
      findings.push({
        level: "error",
        code: "blast-radius",
        entity,
        message: `a change takes ${whole.length} of ${all} entities wholly (${percent(share)}, allowed ${percent(maxShare)})`,
      });
    }
  }
  const count = (level: string): number => findings.filter((finding) => finding.level === level).length;
  return { findings, blastRadius, errors: count("error"), warnings: count("warning") };
}

function checkEntity(rules: EntityRules, entity: string, cover: PatternCover): RuleFinding[] {
  const rule = rules[entity] as EntityRules[string];
  const found: RuleFinding[] = [];
  for (const related of relatedNames(rule)) {
    if (Object.hasOwn(rules, related)) continue;
    found.push({
      level: "error",
      code: "undefined-entity",
      entity,
      message: `is related to ${related}, which has no rule; ${related}:* would be invalidated`,
    });
  }
  if (rule.patterns.length === 0 && relatedNames(rule).length === 0) {
    found.push({
      level: "warning",
      code: "empty-rule",
      entity,
      message: "has neither patterns nor related entities",
    });
  }
  rule.patterns.forEach((pattern, at) => {
    const wide = rule.patterns.find((other, i) => {
      if (i === at || !cover.covers(other, pattern)) return false;
      // Of two that match the same, the later one is superfluous.
      return i < at || !cover.covers(pattern, other);
    });
    if (wide !== undefined) {
      const message = `is covered by ${wide}: it can be left out`;
      found.push({ level: "warning", code: "shadowed-pattern", entity, pattern, message });
    }
    const unknown = pattern.match(PLACEHOLDERS)?.find((each) => each !== "{id}");
    if (unknown !== undefined) {
      const message = `${unknown} stands for itself, only {id} is filled in; where it is meant so, write \\{ and \\}`;
      found.push({ level: "warning", code: "unknown-placeholder", entity, pattern, message });
    }
    const { exact, prefixOnly, literalPrefix } = compileGlob(withId(pattern));
    if (exact || prefixOnly) return;
    const message =
      literalPrefix === ""
        ? "begins with a wildcard: every key of the cache is looked at"
        : `goes on behind its first wildcard: every key that begins with ${literalPrefix} is looked at`;
    found.push({ level: "warning", code: "no-prefix", entity, pattern, message });
  });
  return found;
}

interface RadiusContext {
  readonly cascadeDepth: number;
  readonly cover: PatternCover;
  /** How many entities there are: those that have a rule, and those that one is related to. */
  readonly all: number;
}

/** What each event reaches; events that reach the same are one. */
function radiiOf(
  rules: EntityRules,
  entity: string,
  { cascadeDepth, cover, all }: RadiusContext,
): BlastRadius[] {
  const places = followReach(rules, entity, cascadeDepth);
  const reached = [...places.keys()];
  const reachedPatterns: string[] = [];
  const whole: string[] = [];
  for (const [name, ways] of places) {
    const own = patternsOf(rules, name, ways, name === entity);
    reachedPatterns.push(...own);
    const everything = `${escapeGlob(name)}:*`;
    if (own.some((pattern) => cover.covers(pattern, everything))) whole.push(name);
  }
  const patterns = cover.withoutCovered(reachedPatterns);
  const ends = (event: (typeof EVENTS)[number]): boolean =>
    [...places].some(
      ([name, ways]) =>
        (ways.has("own") || ways.has("other")) && ruleOf(rules, name)?.endsSessions?.includes(event) === true,
    );
  const groups = [true, false].map((endsSessions) => ({
    endsSessions,
    events: EVENTS.filter((event) => ends(event) === endsSessions),
  }));
  const share = whole.length / all;
  return groups
    .filter(({ events }) => events.length > 0)
    .map((group) => ({ entity, entities: reached, whole, patterns, share, ...group }));
}

/** Patterns of an entity, for all the ways in which it is come to. */
function patternsOf(
  rules: EntityRules,
  name: string,
  ways: ReadonlySet<Place>,
  isChanged: boolean,
): readonly string[] {
  const rule = ruleOf(rules, name);
  // Of the changed entity nothing but what depends on it, unless the cascade comes back.
  if (isChanged && rule?.dependencies === "only" && ways.size === 1) return [];
  const patterns = rule?.patterns ?? [`${escapeGlob(name)}:*`];
  if (ways.has("all")) return patterns.map((pattern) => pattern.replaceAll("{id}", "*"));
  return ways.has("own") || ways.has("other")
    ? patterns
    : patterns.filter((pattern) => !pattern.includes("{id}"));
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}
