import type { MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, nameIn, type WireRule } from "../plan.ts";
import { BUCKET_BYTES } from "./bucket.ts";
import { BUCKET_TAG } from "./bucket-image.ts";
import { isWindow, packed, stringAt, whole } from "./bytes.ts";
import { headOf } from "./record.ts";
import { WINDOW_BYTES, WINDOW_TAG } from "./window-image.ts";

/** A rule as `checkRecordCalls` reads it: a fixed window, or a bucket. */
export interface RecordRule {
  readonly isWindow: boolean;
  readonly limit: number;
  /** Of a window. */
  readonly windowMs: number;
  /** Units that a cost of 1 weighs; 1 of a window. */
  readonly weight: number;
  /** Units that drain in 1 ms; 0 of a window. */
  readonly drain: number;
  readonly isShadow: boolean;
}

/** What is spent under a rule. */
export interface RuleState {
  /** Cost in a window, units of a bucket that were owed `at`. */
  spent: number;
  at: number;
  /** Of the stored window or bucket. */
  windowMs: number;
  weight: number;
  /** When the window ends (0: none has begun), or until when the bucket keeps the record. */
  end: number;
}

/** A record in which only windows and buckets lie, none of them blocked or reserved. */
export interface RecordImage {
  readonly head: string;
  readonly rules: readonly RecordRule[];
  readonly states: RuleState[];
  /** When its key expires; 0: there is none. */
  readonly until: number;
  changed: boolean;
}

/** Rules of one record as `checkRecordCalls` takes them. */
export function writeSpec(rules: readonly WireRule[]): string {
  const names = rules.map(
    ([part, kind, , , , , , , record]) => [nameIn(record, part), bytesOf(kind)] as const,
  );
  const head = headOf(names);
  let [format, bytes, place] = [">", head.length, 1];
  const fields: (number | boolean)[] = [];
  for (const [, kind, limit, windowMs, weight, drain, shadow] of rules) {
    const isWindow = kind === "f";
    fields.push(isWindow, place, limit, isWindow ? windowMs : weight, drain, shadow === 1);
    format += isWindow ? "Bddd" : "Bdddd";
    bytes += bytesOf(kind);
    place += isWindow ? 4 : 5;
  }
  return JSON.stringify([head, format, bytes, ...fields]);
}

function bytesOf(kind: WireRule[1]): number {
  return kind === "f" ? WINDOW_BYTES : BUCKET_BYTES;
}

/** What `writeSpec` wrote. */
export function readSpec(spec: string): { readonly head: string; readonly rules: readonly RecordRule[] } {
  const [head, , , ...fields] = JSON.parse(spec) as [string, string, number, ...(number | boolean)[]];
  const rules: RecordRule[] = [];
  for (let i = 0; i < fields.length; i += 6) {
    const [isWindow, , limit, x, drain, isShadow] = fields.slice(i, i + 6) as [
      boolean,
      number,
      number,
      number,
      number,
      boolean,
    ];
    rules.push({ isWindow, limit, windowMs: isWindow ? x : 0, weight: isWindow ? 1 : x, drain, isShadow });
  }
  return { head, rules };
}

/** `null` where `checkLimits` has to be asked. */
export function openRecord(
  db: MemoryDatabase,
  key: string,
  head: string,
  rules: readonly RecordRule[],
  now: number,
): RecordImage | null {
  const raw = stringAt(db, key);
  const blank = (): RuleState => ({ spent: 0, at: 0, windowMs: 1, weight: 1, end: 0 });
  // What is no string counts as no state.
  if (!raw) return { head, rules, states: rules.map(blank), until: 0, changed: false };
  const sizes = rules.map((rule) => (rule.isWindow ? WINDOW_BYTES : BUCKET_BYTES));
  const size = sizes.reduce((sum, bytes) => sum + bytes, head.length);
  if (raw.length !== size || raw.subarray(0, head.length).toString("latin1") !== head) return null;
  const states: RuleState[] = [];
  let until = 0;
  let pos = head.length;
  for (const [r, rule] of rules.entries()) {
    const body = raw.subarray(pos, pos + (sizes[r] as number));
    const state = rule.isWindow ? readWindow(body, now) : readBucket(body, now);
    if (state === null) return null;
    until = Math.max(until, state.end);
    if (rule.isWindow && state.end <= now) Object.assign(state, { spent: 0, end: 0 });
    states.push(state);
    pos += body.length;
  }
  return { head, rules, states, until, changed: false };
}

/** Writes a record that has changed, in place where its key expires late enough. */
export function writeRecord(
  db: MemoryDatabase,
  key: string,
  { head, rules, states, until }: RecordImage,
): void {
  const bodies = states.map(({ spent, at, windowMs, weight, end }, r) =>
    rules[r]?.isWindow
      ? packed(WINDOW_TAG, spent, end, windowMs)
      : packed(BUCKET_TAG, at, spent, weight, end),
  );
  const latest = Math.max(...states.map(({ end }) => end));
  if (latest > until) db.set(key, Buffer.concat([Buffer.from(head), ...bodies]), latest);
  else db.setrange(key, head.length, Buffer.concat(bodies));
}

function readWindow(body: Buffer, now: number): RuleState | null {
  const [spent, end, windowMs] = [body.readDoubleBE(1), body.readDoubleBE(9), body.readDoubleBE(17)];
  const isUsable =
    body[0] === WINDOW_TAG && whole(spent) && whole(end) && isWindow(windowMs) && end - windowMs <= now;
  return isUsable ? { spent, at: 0, windowMs, weight: 1, end } : null;
}

function readBucket(body: Buffer, now: number): RuleState | null {
  const [at, spent] = [body.readDoubleBE(1), body.readDoubleBE(9)];
  const [weight, end] = [body.readDoubleBE(17), body.readDoubleBE(25)];
  const isUsable =
    body[0] === BUCKET_TAG &&
    [at, spent, end].every(whole) &&
    at <= now &&
    weight % 1 === 0 &&
    weight >= 1 &&
    weight <= LONGEST_MS;
  return isUsable ? { spent, at, windowMs: 1, weight, end } : null;
}
