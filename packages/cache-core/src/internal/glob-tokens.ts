/** One step of a glob: a byte that must be there, `ANY`, `STAR`, or a class as a table of the 256 bytes. */
export type GlobToken = number | Uint8Array;

/** Any one byte: `?`. */
export const ANY = 256;
/** Any number of bytes, none included: `*`. */
export const STAR = 257;

const BACKSLASH = 0x5c;
const CARET = 0x5e;
const CLOSE = 0x5d;
const DASH = 0x2d;
const OPEN = 0x5b;
const QUESTION = 0x3f;
const ASTERISK = 0x2a;

/** Reads a pattern as `stringmatchlen` of Redis (util.c) does, its leniencies included: no pattern is invalid. */
export function tokenizeGlob(pattern: Uint8Array): GlobToken[] {
  const tokens: GlobToken[] = [];
  let at = 0;
  while (at < pattern.length) {
    const byte = pattern[at]!;
    if (byte === ASTERISK) {
      if (tokens.at(-1) !== STAR) tokens.push(STAR);
    } else if (byte === QUESTION) {
      tokens.push(ANY);
    } else if (byte === OPEN) {
      at = readClass(pattern, at + 1, tokens);
      continue;
    } else {
      // A backslash at the very end stands for itself.
      if (byte === BACKSLASH && at + 1 < pattern.length) at++;
      tokens.push(pattern[at]!);
    }
    at++;
  }
  return tokens;
}

/**
 * Reads the class that begins at `at`, after its bracket; returns where the pattern goes on. As in Redis: the end of
 * the pattern closes it; a `]` closes it even in first place, but not as the end of a range (`[a-]` is open).
 */
function readClass(pattern: Uint8Array, at: number, tokens: GlobToken[]): number {
  const length = pattern.length;
  const negated = pattern[at] === CARET;
  if (negated) at++;
  const table = new Uint8Array(256);
  for (; at < length && pattern[at] !== CLOSE; at++) {
    if (pattern[at] === BACKSLASH && at + 1 < length) {
      at++;
      table[pattern[at]!] = 1;
    } else if (at + 2 < length && pattern[at + 1] === DASH) {
      addRange(table, pattern[at]!, pattern[at + 2]!);
      at += 2;
    } else table[pattern[at]!] = 1;
  }
  if (negated) for (let byte = 0; byte < 256; byte++) table[byte]! ^= 1;
  tokens.push(table);
  return at + 1;
}

/** Ends in either order. Bytes are compared signed, as `char` is on x86-64: from 0x80 up they come before ASCII. */
function addRange(table: Uint8Array, first: number, last: number): void {
  const [start, end] = [(first << 24) >> 24, (last << 24) >> 24];
  for (let byte = Math.min(start, end); byte <= Math.max(start, end); byte++) table[byte & 0xff] = 1;
}
