import { escapeGlob } from "@crm/cache-core";

/** What a cache takes for a glob. */
const MAX_BYTES = 1024;

/**
 * The glob of a rule for one id. Escapes may make it longer than a glob can be: then it ends early, with a star, and covers
 * more, never less.
 */
export function fillPattern(pattern: string, id: string): string {
  const filled = pattern.replaceAll("{id}", () => escapeGlob(id));
  if (Buffer.byteLength(filled) <= MAX_BYTES) return filled;
  let begin = pattern.slice(0, pattern.indexOf("{id}"));
  for (const character of id) {
    const longer = begin + escapeGlob(character);
    if (Buffer.byteLength(longer) >= MAX_BYTES) break;
    begin = longer;
  }
  return `${begin}*`;
}
