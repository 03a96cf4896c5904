import type { AtomicReply, MemoryDatabase } from "@crm/cache-core";
import { LONGEST_MS, MAX_COUNT } from "../plan.ts";

export const NOTHING: Buffer = Buffer.alloc(0);

export function whole(n: number): boolean {
  return n >= 0 && n <= MAX_COUNT && n % 1 === 0;
}

export function isWindow(n: number): boolean {
  return n >= 1 && n <= LONGEST_MS && n % 1 === 0;
}

/** The tag of a part, and its numbers as big-endian doubles. */
export function packed(tag: number, ...numbers: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 8 * numbers.length);
  bytes[0] = tag;
  numbers.forEach((n, i) => {
    bytes.writeDoubleBE(n, 1 + 8 * i);
  });
  return bytes;
}

/** The bytes of a string; `null` when there is nothing, `undefined` when there is something else. */
export function stringAt(db: Pick<MemoryDatabase, "get">, key: string): Buffer | null | undefined {
  try {
    return db.get(key);
  } catch {
    return undefined;
  }
}

/** A reply of little-endian doubles. */
export function doubles(numbers: readonly number[]): Buffer {
  const reply = Buffer.allocUnsafe(8 * numbers.length);
  numbers.forEach((n, i) => {
    reply.writeDoubleLE(n, 8 * i);
  });
  return reply;
}

/** Figures of the rules of a call that `checkLimits` has to be asked of. */
export function notJudged(rules: number): number[] {
  return Array.from({ length: rules }, () => [-1, 0, 0]).flat();
}

/** The numbers of such a reply; `null` when it is none of `count`. */
export function readDoubles(reply: AtomicReply, count: number): number[] | null {
  if (!Buffer.isBuffer(reply) || reply.length !== 8 * count) return null;
  const numbers: number[] = new Array(count);
  for (let i = 0; i < count; i++) numbers[i] = reply.readDoubleLE(8 * i);
  return numbers;
}
