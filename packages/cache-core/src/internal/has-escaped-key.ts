const COLON = 58;
const BACKSLASH = 92;

/**
 * Whether a key in a text of `JSON.stringify` is written with an escape. `JSON.parse` may take such a key for another one: V8 compares what
 * is written, escapes and all, with the key that an earlier text had at this place (https://github.com/nodejs/node/issues/63785).
 */
export function hasEscapedKey(text: string): boolean {
  for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", at)) {
    // Only a string has escapes: to its end, behind which a key has its colon.
    do at = text.indexOf('"', at + 1);
    while (isEscaped(text, at));
    if (text.charCodeAt(at + 1) === COLON) return true;
  }
  return false;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}
