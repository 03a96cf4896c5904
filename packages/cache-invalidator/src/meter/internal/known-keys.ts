import { compileGlob } from "@crm/cache-core";

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

  /** Those that match one of the globs, as the store matches them. */
  *matching(globs: readonly string[]): Iterable<string> {
    if (globs.length === 0) return;
    const compiled = globs.map(compileGlob);
    for (const key of this.#keys) if (compiled.some((glob) => glob.matches(key))) yield key;
  }
}
