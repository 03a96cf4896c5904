/**
 * Redis orders names by their bytes in UTF-8; JavaScript compares strings by UTF-16 code units. The two orders differ
 * only where two units from U+D800 up meet: a surrogate (half of a character above U+FFFF) is below U+E000–U+FFFF
 * as a unit, and above as UTF-8.
 */
const HIGH_UNIT = /[\ud800-\uffff]/;

/**
 * Sorts above every well-formed text: `prefix + ABOVE_EVERY_CHARACTER` ends the range of a prefix exactly, as the
 * byte `\255` does in Lua. Only for bounds; a name that contains it is not well-formed.
 */
export const ABOVE_EVERY_CHARACTER = "\udfff";

/**
 * Whether the text can disagree with `<` in its order. Two texts of which at most one is such compare correctly with
 * `<`. Costs next to nothing for Latin-1 text: V8 rejects the class without looking at the characters.
 */
export function hasHighUnit(text: string): boolean {
  return HIGH_UNIT.test(text);
}

/** Negative, zero or positive as `a` is before, equal to or after `b` in the order of their UTF-8 bytes. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** Moves surrogates above U+E000–U+FFFF, which moves down into the gap. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
