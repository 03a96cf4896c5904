import { LONGEST_MS, type WireRule } from "../plan.ts";
import { isWindow, NOTHING, packed, whole } from "./bytes.ts";

/** The states of a record by the names of their rules, in the order in which they are stored. */
export type StoredStates = ReadonlyMap<string, Buffer>;

const HEAD = /^[A-Za-z0-9=,._-]*;/;
const ENTRY = /([A-Za-z0-9._-]+)=(\d\d?)/g;
const NO_STATES: StoredStates = new Map();
const [BLOCK, RESERVED, WINDOW, BUCKET, COUNTER] = [0x42, 0x52, 0x66, 0x62, 0x63];

/** What a record begins with: the names of its states, and how many bytes each has. */
export function headOf(sizes: readonly (readonly [name: string, bytes: number])[]): string {
  return `${sizes.map(([name, bytes]) => `${name}=${bytes}`).join(",")};`;
}

export function packRecord(states: StoredStates): Buffer {
  const sizes = [...states].map(([name, { length }]) => [name, length] as const);
  return Buffer.concat([Buffer.from(headOf(sizes)), ...states.values()]);
}

/** None where the bytes are damaged. */
export function unpackRecord(raw: Buffer): StoredStates {
  const head = HEAD.exec(raw.toString("latin1"))?.[0];
  if (head === undefined) return NO_STATES;
  const states = new Map<string, Buffer>();
  let pos = head.length;
  for (const [, name = "", size] of head.matchAll(ENTRY)) {
    if (states.has(name)) return NO_STATES;
    states.set(name, raw.subarray(pos, pos + Number(size)));
    pos += Number(size);
  }
  return pos === raw.length ? states : NO_STATES;
}

/** A state in which nothing counts, as long as one in which something does: most calls find what they can change in place. */
export function blankOf([, kind]: WireRule): Buffer {
  if (kind === "f") return packed(WINDOW, 0, 0, 1);
  return kind === "b" ? packed(BUCKET, 0, 0, 1, 0) : NOTHING;
}

/** From when on a state says no more than none would, by its own bytes; 0 where they say nothing. */
export function endOf(state: Buffer, now: number): number {
  let [blocked, pos] = [0, 0];
  if (state[0] === BLOCK && state.length >= 17) [blocked, pos] = [state.readDoubleBE(1), 17];
  if (state[pos] === RESERVED && state.length >= pos + 9) pos += 9;
  const near = (end: number): number => (whole(end) && end <= now + 2 * LONGEST_MS ? end : 0);
  return Math.max(near(blocked), endOfBody(state.subarray(pos), near));
}

function endOfBody(body: Buffer, near: (end: number) => number): number {
  if (body[0] === WINDOW && body.length === 25) return near(body.readDoubleBE(9));
  if (body.length !== 33) return 0;
  if (body[0] === BUCKET) {
    // A burst may be many windows.
    const until = body.readDoubleBE(25);
    return whole(until) ? until : 0;
  }
  const windowMs = body.readDoubleBE(9);
  return body[0] === COUNTER && isWindow(windowMs) ? near(body.readDoubleBE(1) + 2 * windowMs) : 0;
}
