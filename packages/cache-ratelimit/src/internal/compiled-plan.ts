import { CostExceedsLimitError } from "../errors.ts";
import type { Plan, WireRule } from "../scripts/plan.ts";
import { compileRule, compileShare } from "./compile-rule.ts";
import type { CheckedRule } from "./resolve-rules.ts";

/** The rules of a call with their limits settled, ready to be sent. */
export interface CompiledPlan {
  /** What the script reads. Two calls with the same text are judged by the same rules. */
  readonly source: string;
  readonly rules: readonly CheckedRule[];
  /** By rule: the limit of a window, as the caller gave it. */
  readonly limits: readonly number[];
  /** By rule: the most that fits at once. */
  readonly capacities: readonly number[];
  /** Its rules, when they are fixed windows and none a shadow: they are then asked of scripts of their own. */
  readonly windows: PlannedWindows | null;
  readonly onlyShadows: boolean;
  /** For the time in which the store is away: the shares of the rules that are then counted here, and which those are. */
  readonly local: { readonly source: string; readonly places: readonly number[] } | null;
}

export interface PlannedWindows {
  readonly rules: readonly WindowRule[];
  /** As `checkWindowCalls` reads them. */
  readonly source: string;
}

/** A fixed window as `checkWindow` takes it. */
export interface WindowRule {
  readonly part: string;
  /** Which of the call's subjects it counts, from 0. */
  readonly subject: number;
  /** As it is sent. */
  readonly limit: string;
  /** In ms, as it is sent. */
  readonly window: string;
}

/** `subjects`: the names of the calls' subjects in the order in which they are sent. */
export function compilePlan(
  rules: readonly CheckedRule[],
  limits: readonly number[],
  subjects: readonly string[],
): CompiledPlan {
  const count = Math.max(1, subjects.length);
  const subjectOf = (rule: CheckedRule): number => (rule.by === null ? 1 : subjects.indexOf(rule.by) + 1);
  const wire = rules.map((rule, i) => compileRule(rule, limits[i] as number, subjectOf(rule)));
  const places = rules.flatMap((rule, i) => (rule.whenUnavailable === "local" ? [i] : []));
  const shares = places.map((i) => {
    const rule = rules[i] as CheckedRule;
    return compileShare(rule, limits[i] as number, subjectOf(rule));
  });
  return {
    source: encode(count, wire),
    rules,
    limits: [...limits],
    capacities: wire.map(([, , capacity]) => capacity),
    windows: windowsOf(wire),
    onlyShadows: rules.every(({ shadow }) => shadow),
    local: places.length === 0 ? null : { source: encode(count, shares), places },
  };
}

/** Refuses a cost that no wait would make fit. A rule in shadow mode refuses nothing. */
export function checkAffordable(plan: CompiledPlan, cost: number): void {
  for (let i = 0; i < plan.capacities.length; i++) {
    const rule = plan.rules[i] as CheckedRule;
    const limit = plan.capacities[i] as number;
    if (cost > limit && !rule.shadow) throw new CostExceedsLimitError({ rule: rule.name, cost, limit });
  }
}

function windowsOf(wire: readonly WireRule[]): PlannedWindows | null {
  const several = wire.length > 1;
  const rules: WindowRule[] = [];
  for (const [part, kind, limit, windowMs, , , shadow, subject] of wire) {
    // A shadow by itself refuses nothing; among others it is for the script that knows of shadows.
    if (kind !== "f" || (several && shadow === 1)) return null;
    rules.push({ part, subject: subject - 1, limit: String(limit), window: String(windowMs) });
  }
  return { rules, source: rules.map(({ limit, window }) => `${limit}:${window}`).join(",") };
}

function encode(subjects: number, rules: readonly WireRule[]): string {
  return JSON.stringify([subjects, ...rules] satisfies Plan);
}
