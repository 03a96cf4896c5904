/** The keys that were stored last, so that a pattern can be turned into some of the keys that it met. */
export class KnownKeys {
  readonly #keys = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#keys.size;
  }

  add(key: string): void {
    // Last in, last out: a set keeps the order in which its members came.
    this.#keys.delete(key);
    this.#keys.add(key);
    if (this.#keys.size > this.#max) this.#keys.delete(this.#keys.values().next().value as string);
  }

  /** Those that match one of the globs. What is matched too much is rechecked for nothing, and judged no differently. */
  *matching(globs: readonly string[]): Iterable<string> {
    if (globs.length === 0) return;
    const expressions = globs.map(toExpression);
    for (const key of this.#keys) if (expressions.some((expression) => expression.test(key))) yield key;
  }
}

/** `*`, `?`, `[…]` and `\` of a Redis glob, on characters where Redis takes bytes. */
function toExpression(glob: string): RegExp {
  let source = "";
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i] as string;
    if (character === "*") {
      // Several in a row are one: otherwise matching could take for ever.
      if (!source.endsWith("[^]*")) source += "[^]*";
    } else if (character === "?" || character === "[") {
      // A class is taken for any one character: too much, never too little.
      if (character === "[") {
        let end = i + 1;
        while (end < glob.length && glob[end] !== "]") end += glob[end] === "\\" ? 2 : 1;
        i = end;
      }
      source += "[^]";
    } else {
      if (character === "\\" && i + 1 < glob.length) i += 1;
      source += (glob[i] as string).replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    }
  }
  return new RegExp(`^${source}$`);
}
