import { ANY, type GlobToken, STAR, tokenizeGlob } from "./internal/glob-tokens.ts";

/** A compiled glob. */
export interface Glob {
  /** What every match begins with: the pattern up to its first wildcard, escapes taken away. */
  readonly literalPrefix: string;
  /** No wildcard at all: only `literalPrefix` itself matches. */
  readonly exact: boolean;
  /** A literal and one trailing `*`: whatever begins with `literalPrefix` matches. */
  readonly prefixOnly: boolean;
  matches(text: string): boolean;
}

/**
 * Compiles a glob with the exact semantics of Redis (`stringmatchlen`, the matcher behind `SCAN … MATCH` and `KEYS`):
 *
 * - `*` any number of bytes, also across `:`; `?` one byte; `[abc]`, `[^abc]`, `[a-z]` one byte of a class; `\` takes
 *   the special meaning from what follows. Every pattern is valid: an open class ends with the pattern.
 * - Redis matches **bytes** of UTF-8, so `?` and a class stand for a part of a character beyond ASCII: `?` does not
 *   match `š`, `??` does. Class ranges compare bytes signed, as Redis does on x86-64.
 * - The empty text is matched by the empty pattern only, not by `*`.
 *
 * Matching takes O(pattern × text) at worst, whatever the pattern. `test/glob.redis.test.ts` compares with a server.
 */
export function compileGlob(pattern: string): Glob {
  const tokens = tokenizeGlob(Buffer.from(pattern));
  const isLiteral = (token: GlobToken): boolean => typeof token === "number" && token < ANY;
  const wildcardAt = tokens.findIndex((token) => !isLiteral(token));
  const literalPrefix = textOf(wildcardAt === -1 ? tokens : tokens.slice(0, wildcardAt));

  if (wildcardAt === -1) {
    return { literalPrefix, exact: true, prefixOnly: false, matches: (text) => text === literalPrefix };
  }
  if (tokens[wildcardAt] === STAR && wildcardAt === tokens.length - 1) {
    const matches = (text: string): boolean => text !== "" && text.startsWith(literalPrefix);
    return { literalPrefix, exact: false, prefixOnly: true, matches };
  }
  const matches = tokens.every((token) => token === STAR || isLiteral(token))
    ? segmentMatcher(tokens)
    : tokenMatcher(tokens);
  return { literalPrefix, exact: false, prefixOnly: false, matches };
}

/** Escapes a text, so that as a glob, or as a part of one outside a class, it matches only itself. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\]/g, "\\$&");
}

/** The characters of literal tokens. Escapes and wildcards are ASCII, so a run of literals never splits a character. */
function textOf(tokens: readonly GlobToken[]): string {
  return Buffer.from(tokens as readonly number[]).toString();
}

/**
 * Literals and stars only. Each literal is taken where it first occurs: a later place leaves less for the rest.
 * Whole characters found in whole characters: bytes and UTF-16 units agree.
 */
function segmentMatcher(tokens: readonly GlobToken[]): (text: string) => boolean {
  const segments: string[] = [];
  let start = 0;
  for (let at = 0; at <= tokens.length; at++) {
    if (at < tokens.length && tokens[at] !== STAR) continue;
    segments.push(textOf(tokens.slice(start, at)));
    start = at + 1;
  }
  const first = segments.shift()!;
  const last = segments.pop()!;
  return (text) => {
    const end = text.length - last.length;
    let at = first.length;
    if (at > end || text === "" || !text.startsWith(first) || !text.endsWith(last)) return false;
    for (const segment of segments) {
      const found = text.indexOf(segment, at);
      if (found === -1) return false;
      at = found + segment.length;
    }
    return at <= end;
  };
}

function tokenMatcher(tokens: readonly GlobToken[]): (text: string) => boolean {
  return (text) => text !== "" && matchBytes(tokens, bytesOf(text));
}

/** The UTF-8 bytes as the characters U+0000 to U+00FF; ASCII is its own. */
function bytesOf(text: string): string {
  return /[\u0080-\uffff]/.test(text) ? Buffer.from(text).toString("latin1") : text;
}

/** Only the last star is ever retried: what a retry of an earlier one could reach, the last one reaches too. */
function matchBytes(tokens: readonly GlobToken[], text: string): boolean {
  let token = 0;
  let at = 0;
  let retryToken = -1;
  let retryAt = 0;
  while (at < text.length) {
    const step = token < tokens.length ? tokens[token]! : undefined;
    if (step === STAR) {
      retryToken = ++token;
      retryAt = at;
    } else if (step !== undefined && accepts(step, text.charCodeAt(at))) {
      token++;
      at++;
    } else if (retryToken === -1) {
      return false;
    } else {
      token = retryToken;
      at = ++retryAt;
    }
  }
  return token === tokens.length || (tokens[token] === STAR && token === tokens.length - 1);
}

function accepts(step: GlobToken, byte: number): boolean {
  return typeof step === "number" ? step === byte || step === ANY : step[byte] === 1;
}
