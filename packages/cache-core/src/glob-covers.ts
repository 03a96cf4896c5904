import { ANY, type GlobToken, STAR, tokenizeGlob } from "./internal/glob-tokens.ts";

/** Where the search gives up: patterns of some tens of wildcards need far less. */
const MAX_STATES = 20_000;

/**
 * Whether every text that the narrow glob matches is matched by the wide one, too. Exact, by walking both as automata over
 * the bytes that they tell apart; `false` when that is not decided within 20,000 states.
 */
export function globCovers(wide: string, narrow: string): boolean {
  const [allOuter, allInner] = [tokenizeGlob(Buffer.from(wide)), tokenizeGlob(Buffer.from(narrow))];
  // A class of nothing: no text is matched.
  if (allInner.some((token) => typeof token !== "number" && !token.includes(1))) return true;
  // What both begin with is no question, and most patterns differ behind it at once.
  let head = 0;
  while (isLiteral(allInner[head]) && allOuter[head] === allInner[head]) head++;
  const [outer, inner] = [allOuter.slice(head), allInner.slice(head)];
  if (isLiteral(inner[0]) && (outer.length === 0 || isLiteral(outer[0]))) return false;
  const begin = [closure(outer, new Set([0])), closure(inner, new Set([0]))] as const;
  if (head > 0 && begin[1].has(inner.length) && !begin[0].has(outer.length)) return false;
  if (outer.length === 1 && outer[0] === STAR) return true;
  const alphabet = bytesToldApart([...outer, ...inner]);
  const seen = new Set<string>();
  const open: (readonly [Set<number>, Set<number>])[] = [begin];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const [outerAt, innerAt] = state;
    for (const byte of alphabet) {
      const innerNext = step(inner, innerAt, byte);
      if (innerNext.size === 0) continue;
      const outerNext = step(outer, outerAt, byte);
      // What the narrow one can go on to match, and the wide one cannot.
      if (outerNext.size === 0) return false;
      // A match of the narrow one that the wide one does not have. The empty text is matched by no pattern but its own.
      if (innerNext.has(inner.length) && !outerNext.has(outer.length)) return false;
      const name = `${[...outerNext].sort().join()}|${[...innerNext].sort().join()}`;
      if (seen.has(name)) continue;
      if (seen.size >= MAX_STATES) return false;
      seen.add(name);
      open.push([outerNext, innerNext]);
    }
  }
  return true;
}

/** One byte of each kind that some token treats differently. */
function bytesToldApart(tokens: readonly GlobToken[]): number[] {
  const kinds = new Map<string, number>();
  const tests = tokens.filter((token) => token !== ANY && token !== STAR);
  for (let byte = 0; byte < 256; byte++) {
    const kind = tests.map((token) => (accepts(token, byte) ? 1 : 0)).join("");
    if (!kinds.has(kind)) kinds.set(kind, byte);
  }
  return [...kinds.values()];
}

function isLiteral(token: GlobToken | undefined): boolean {
  return typeof token === "number" && token < ANY;
}

/** The places after a byte. */
function step(tokens: readonly GlobToken[], places: ReadonlySet<number>, byte: number): Set<number> {
  const next = new Set<number>();
  for (const place of places) {
    const token = tokens[place];
    if (token === STAR) next.add(place);
    else if (token !== undefined && accepts(token, byte)) next.add(place + 1);
  }
  return closure(tokens, next);
}

/** A star may stand for nothing. */
function closure(tokens: readonly GlobToken[], places: Set<number>): Set<number> {
  for (const place of places) if (tokens[place] === STAR) places.add(place + 1);
  return places;
}

function accepts(token: GlobToken, byte: number): boolean {
  return typeof token === "number" ? token === byte || token === ANY : token[byte] === 1;
}
