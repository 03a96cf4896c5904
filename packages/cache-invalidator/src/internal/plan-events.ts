import type { CacheInternals, Dependency } from "@crm/cache-core";
import type { Unit } from "./prepare-unit.ts";

type CoveredEntry = Awaited<ReturnType<CacheInternals["list"]>>[number];

/** One entry that an event would take, and why. */
export interface PlannedKey {
  readonly key: string;
  /** It would be marked stale, and not removed. */
  readonly soft: boolean;
  /** `pattern companies:* (companies:42)`, `depends on companies:42`. */
  readonly reasons: readonly string[];
}

/** What an event would do now. */
export interface InvalidationPlan {
  /** Patterns that remove, ids filled in. */
  readonly patterns: readonly string[];
  /** Patterns that mark stale. */
  readonly softPatterns: readonly string[];
  /** The way of the cascade: `companies:42`, `companies:42 > deals`, … */
  readonly cascade: readonly string[];
  /** By key. */
  readonly keys: readonly PlannedKey[];
  /** What `apply` would return: entries that are stale already do not count for a soft rule. */
  readonly keysInvalidated: number;
  /** Users whose sessions would end. */
  readonly endsSessionsOf: readonly string[];
}

/** Looks up what a unit covers now. */
export async function planEvents(
  unit: Unit,
  internals: Pick<CacheInternals, "list">,
): Promise<InvalidationPlan> {
  const { steps, hard, soft, dependencies, softDependencies } = unit;
  const found = new Map<string, { soft: boolean; reasons: Set<string>; counts: boolean }>();
  const note = (key: string, isSoft: boolean, reason: string, counts: boolean): void => {
    const entry = found.get(key) ?? { soft: isSoft, reasons: new Set<string>(), counts: false };
    entry.soft &&= isSoft;
    entry.counts ||= counts;
    entry.reasons.add(reason);
    found.set(key, entry);
  };
  const because = (pattern: string): string =>
    `pattern ${pattern} (${steps.find(({ patterns }) => patterns.includes(pattern))?.path ?? ""})`;
  const reason = ({ pattern, dependency }: CoveredEntry, names: readonly Dependency[]): string =>
    pattern === undefined
      ? `depends on ${nameOf(names[dependency as number] as Dependency)}`
      : because(pattern);
  for (const each of await internals.list({ patterns: hard, dependencies })) {
    note(each.key, false, reason(each, dependencies), true);
  }
  for (const each of await internals.list({ patterns: soft, dependencies: softDependencies })) {
    note(each.key, true, reason(each, softDependencies), !each.marked && !each.foreign);
  }
  const keys = [...found].map(([key, entry]) => ({ key, soft: entry.soft, reasons: [...entry.reasons] }));
  return {
    patterns: hard,
    softPatterns: soft,
    cascade: steps.map(({ path }) => path),
    keys: keys.sort((a, b) => (a.key < b.key ? -1 : 1)),
    keysInvalidated: [...found.values()].filter(({ counts }) => counts).length,
    endsSessionsOf: unit.endsSessionsOf,
  };
}

function nameOf(dependency: Dependency): string {
  if (typeof dependency === "string") return dependency;
  return Array.isArray(dependency) ? dependency.join(":") : (dependency as { entity: string }).entity;
}
