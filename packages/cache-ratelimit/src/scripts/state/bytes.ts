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
