import type { AtomicArgument } from "@crm/cache-core";

/** How a rule counts: fixed window, sliding log, sliding counter, or bucket (token bucket and GCRA). */
export type Kind = "f" | "l" | "c" | "b";

/** One rule as the scripts see it. All numbers are whole. */
export type WireRule = readonly [
  /** The rule's part of the key, before `:` and the subject. */
  part: string,
  kind: Kind,
  /** Cost that may be spent at once: the limit, or for a bucket its burst. */
  limit: number,
  windowMs: number,
  /** Log: ms that share a stored hit. Bucket: units that a cost of 1 weighs. */
  x: number,
  /** Bucket: units that drain in 1 ms. */
  y: number,
  /** 1: evaluated and reported, never refusing. */
  shadow: 0 | 1,
  /** Which of the call's subjects it counts, from 1. */
  subject: number,
  /** The part of the key of the record in which its states lie together with those of other rules; empty: they have keys of their own. */
  record: string,
];

/** Number of subjects, then the rules. Sent as JSON, once for each call; parsed once for each script. */
export type Plan = readonly [subjects: number, ...rules: WireRule[]];

export const MAX_COUNT: number = Number.MAX_SAFE_INTEGER;
/** A little more than the longest window, in ms. Stored bytes that say more are damaged. */
export const LONGEST_MS = 40_000_000_000;

/** What its states are called in a record: the rule's name. */
export function nameIn(record: string, part: string): string {
  return part.slice(record.length + 1);
}

export function text(argument: AtomicArgument | undefined): string {
  if (typeof argument === "string") return argument;
  if (argument === undefined) return "";
  return typeof argument === "number" ? String(argument) : argument.toString("utf8");
}

export function number(argument: AtomicArgument | undefined): number {
  return typeof argument === "number" ? argument : Number(text(argument));
}

/** The rules of a plan. */
export function rulesOf(plan: Plan): readonly WireRule[] {
  return plan.slice(1) as unknown as readonly WireRule[];
}
