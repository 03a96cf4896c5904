/** A full key as its caller knows it: each scope ends with U+001F, which no key can hold. */
export function withoutScope(full: string): string {
  return full.slice(full.lastIndexOf("\u001f") + 1);
}
