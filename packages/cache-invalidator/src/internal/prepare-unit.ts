import { compileGlob, type Dependency } from "@crm/cache-core";
import { type CascadeOptions, type CascadeStep, followCascade } from "./cascade.ts";
import type { CheckedEvent } from "./check-event.ts";
import type { RuleBook } from "./rule-book.ts";

/** Events that are applied together, and what that takes. */
export interface Unit {
  readonly events: readonly CheckedEvent[];
  readonly steps: readonly CascadeStep[];
  /** Removed; each once, in the order of the cascade. */
  readonly hard: readonly string[];
  /** Marked stale. */
  readonly soft: readonly string[];
  /** Entities whose dependents are removed. */
  readonly dependencies: readonly Dependency[];
  /** Entities whose dependents are marked stale, since their rule is soft. */
  readonly softDependencies: readonly Dependency[];
  readonly endsSessionsOf: readonly string[];
}

/** Follows the cascade of every event and puts together what they take. */
export async function prepareUnit(
  book: RuleBook,
  events: readonly CheckedEvent[],
  options: CascadeOptions,
): Promise<Unit> {
  const steps: CascadeStep[] = [];
  const paths = new Set<string>();
  const dependencies = new Map<string, Dependency>();
  const softDependencies = new Map<string, Dependency>();
  for (const event of events) {
    for (const step of await followCascade(book, event, options)) {
      // Another event of the unit came here, too; unless it took less, as the lists of an entity are less than all of it.
      const { entity, id = null, endsSessionsOf = null, patterns } = step;
      const name = JSON.stringify([entity, id, endsSessionsOf, patterns]);
      if (!paths.has(name) && paths.add(name)) steps.push(step);
    }
    const { entityType, entityId } = event;
    const rule = book.get(entityType);
    if ((rule?.dependencies ?? options.dependencies) === "off") continue;
    const dependents = rule?.soft === true ? softDependencies : dependencies;
    dependents.set(JSON.stringify([entityType]), entityType);
    dependents.set(JSON.stringify([entityType, entityId]), [entityType, entityId]);
  }
  const patterns = (soft: boolean): string[] => [
    ...new Set(steps.filter((step) => step.soft === soft).flatMap((step) => step.patterns)),
  ];
  return {
    events,
    steps,
    hard: patterns(false),
    soft: patterns(true),
    dependencies: [...dependencies.values()],
    softDependencies: [...softDependencies.values()],
    endsSessionsOf: [
      ...new Set(
        steps.flatMap(({ endsSessionsOf }) => (endsSessionsOf === undefined ? [] : [endsSessionsOf])),
      ),
    ],
  };
}

/** Leaves out patterns that one with a trailing `*` covers: the same entries in fewer steps. */
export function withoutCovered(patterns: readonly string[]): string[] {
  const globs = patterns.map((pattern) => ({ pattern, ...compileGlob(pattern) }));
  const wide = new Set(
    globs.filter(({ prefixOnly }) => prefixOnly).map(({ literalPrefix }) => literalPrefix),
  );
  const widest = new Set([...wide].filter((prefix) => !hasBeginningIn(wide, prefix)));
  const kept = new Set<string>();
  return globs
    .filter(({ literalPrefix, prefixOnly, pattern }) => {
      if (prefixOnly && widest.has(literalPrefix)) return !kept.has(literalPrefix) && kept.add(literalPrefix);
      return !widest.has(literalPrefix) && !hasBeginningIn(widest, literalPrefix) && pattern !== "";
    })
    .map(({ pattern }) => pattern);
}

/** Whether one of the texts is what this one begins with, and shorter. */
function hasBeginningIn(texts: ReadonlySet<string>, text: string): boolean {
  for (let end = 0; end < text.length; end++) if (texts.has(text.slice(0, end))) return true;
  return false;
}
