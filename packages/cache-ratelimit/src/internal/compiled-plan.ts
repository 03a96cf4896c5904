import { CostExceedsLimitError } from "../errors.ts";
import type { Plan, WireRule } from "../scripts/plan.ts";
import { writeSpec } from "../scripts/state/record-image.ts";
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
  /** The least of them. */
  readonly leastCapacity: number;
  /** Its rules, when there is a script for them by themselves. */
  readonly quick: QuickPlan | null;
  readonly onlyShadows: boolean;
  /** For the time in which the store is away: the shares of the rules that are then counted here, and which those are. */
  readonly local: { readonly source: string; readonly places: readonly number[] } | null;
}

/** Rules that have a script of their own: all fixed windows, all buckets, windows and buckets in one record, or the one window of hits. */
export type QuickPlan = PlannedWindows | PlannedBuckets | PlannedRecord | PlannedHits;

export interface PlannedWindows {
  readonly kind: "windows";
  readonly rules: readonly WindowRule[];
  /** As `checkWindowCalls` reads them. */
  readonly source: string;
}

export interface PlannedBuckets {
  readonly kind: "buckets";
  readonly rules: readonly QuickRule[];
  /** As `checkBucketCalls` reads them. */
  readonly source: string;
}

export interface PlannedRecord {
  readonly kind: "records";
  /** The record, in which all rules lie. */
  readonly rules: readonly [QuickRule];
  /** As `checkRecordCalls` reads them. */
  readonly source: string;
}

export interface PlannedHits {
  readonly kind: "hits";
  readonly rules: readonly [WindowRule];
}

export interface QuickRule {
  /** Part of the key of the state or record. */
  readonly part: string;
  /** Which of the call's subjects it counts, from 0. */
  readonly subject: number;
}

/** A fixed window as `checkWindow` takes it. */
export interface WindowRule extends QuickRule {
  /** As it is sent. */
  readonly limit: string;
  /** In ms, as it is sent. */
  readonly window: string;
}

/** The plan of `checkRateLimit`: one fixed window, whose state is the bare count. */
export function compileHits(rule: CheckedRule, limit: number): CompiledPlan {
  const plan = compilePlan([{ ...rule, limit }], [limit], []);
  const [window] = (plan.quick as PlannedWindows).rules;
  return { ...plan, quick: { kind: "hits", rules: [window as WindowRule] } };
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
  const capacities = wire.map(([, , capacity]) => capacity);
  return {
    source: encode(count, wire),
    rules,
    limits: [...limits],
    capacities,
    leastCapacity: Math.min(...capacities),
    quick: quickOf(wire),
    onlyShadows: rules.every(({ shadow }) => shadow),
    local: places.length === 0 ? null : { source: encode(count, shares), places },
  };
}

/** The script for the rules by themselves that a call has: not one that only looks, or that a rule in shadow mode never allows. */
export function quickFor({ quick, leastCapacity }: CompiledPlan, cost: number): QuickPlan | null {
  return cost > 0 && cost <= leastCapacity ? quick : null;
}

/** Refuses a cost that no wait would make fit. A rule in shadow mode refuses nothing. */
export function checkAffordable(plan: CompiledPlan, cost: number): void {
  for (let i = 0; i < plan.capacities.length; i++) {
    const rule = plan.rules[i] as CheckedRule;
    const limit = plan.capacities[i] as number;
    if (cost > limit && !rule.shadow) throw new CostExceedsLimitError({ rule: rule.name, cost, limit });
  }
}

function quickOf(wire: readonly WireRule[]): QuickPlan | null {
  const [first] = wire;
  if (first !== undefined && first[8] !== "") return recordOf(first[8], wire);
  // A shadow by itself refuses nothing; among others it is for the script that knows of shadows.
  if (wire.length > 1 && wire.some(([, , , , , , shadow]) => shadow === 1)) return null;
  if (wire.every(([, kind]) => kind === "f")) {
    const rules = wire.map(([part, , limit, windowMs, , , , subject]) => ({
      ...{ part, subject: subject - 1, limit: String(limit), window: String(windowMs) },
    }));
    return {
      kind: "windows",
      rules,
      source: rules.map(({ limit, window }) => `${limit}:${window}`).join(","),
    };
  }
  if (!wire.every(([, kind]) => kind === "b")) return null;
  return {
    kind: "buckets",
    rules: wire.map(([part, , , , , , , subject]) => ({ part, subject: subject - 1 })),
    source: wire.map(([, , limit, , weight, drain]) => `${limit}:${weight}:${drain}`).join(","),
  };
}

function recordOf(record: string, wire: readonly WireRule[]): PlannedRecord | null {
  if (!wire.every(([, kind, , , , , , , lies]) => lies === record && (kind === "f" || kind === "b")))
    return null;
  return { kind: "records", rules: [{ part: record, subject: 0 }], source: writeSpec(wire) };
}

function encode(subjects: number, rules: readonly WireRule[]): string {
  return JSON.stringify([subjects, ...rules] satisfies Plan);
}
