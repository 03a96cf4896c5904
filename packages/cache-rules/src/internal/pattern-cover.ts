import { compileGlob, globCovers } from "@crm/cache-core";

/** Stands for the id in patterns that are compared. */
const SOME_ID = "42";

/** A pattern with an id in the place of its `{id}`. */
export function withId(pattern: string): string {
  return pattern.replaceAll("{id}", SOME_ID);
}

/** Whether one pattern covers another, for the same id. An answer is kept: it takes a walk through two automata. */
export class PatternCover {
  readonly #known = new Map<string, boolean>();

  covers(wide: string, narrow: string): boolean {
    const [outer, inner] = [withId(wide), withId(narrow)];
    const name = JSON.stringify([outer, inner]);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const covers = globCovers(outer, inner);
    this.#known.set(name, covers);
    return covers;
  }

  /** Patterns without those that another covers; of two that match the same, the first stays. */
  withoutCovered(patterns: readonly string[]): string[] {
    const distinct = new Map<string, string>();
    for (const pattern of patterns) {
      const filled = withId(pattern);
      if (!distinct.has(filled)) distinct.set(filled, pattern);
    }
    const kept = [...distinct.values()];
    const byPrefix = new Map<string, number[]>();
    kept.forEach((pattern, at) => {
      const { literalPrefix } = compileGlob(withId(pattern));
      const same = byPrefix.get(literalPrefix);
      if (same === undefined) byPrefix.set(literalPrefix, [at]);
      else same.push(at);
    });
    const isCovered = (pattern: string, at: number, other: number): boolean => {
      const wide = kept[other] as string;
      if (other === at || !this.covers(wide, pattern)) return false;
      return other < at || !this.covers(pattern, wide);
    };
    return kept.filter((pattern, at) => {
      // A class may stand for one character, or for none at all: then the literal beginning says nothing.
      if (pattern.includes("[")) return !kept.some((_, other) => isCovered(pattern, at, other));
      const { literalPrefix } = compileGlob(withId(pattern));
      for (let end = 0; end <= literalPrefix.length; end++) {
        const others = byPrefix.get(literalPrefix.slice(0, end)) ?? [];
        if (others.some((other) => isCovered(pattern, at, other))) return false;
      }
      return true;
    });
  }
}
