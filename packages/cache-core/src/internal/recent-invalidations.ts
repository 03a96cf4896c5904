import type { Coverage } from "./coverage.ts";

/** How many invalidations are remembered; a read that was overtaken by more is not kept. */
const CAPACITY = 512;

/**
 * The latest invalidations that this process has applied. A value read from the store may be kept in process only if
 * none that could cover it was applied between sending the read and storing its answer.
 */
export class RecentInvalidations {
  readonly #ring: (Coverage | undefined)[] = new Array(CAPACITY).fill(undefined);
  #count = 0;
  /** Marks before this one know nothing of what happened since. */
  #floor = 0;

  /** Where the sequence stands now. Taken before a read is sent. */
  get mark(): number {
    return this.#count;
  }

  add(coverage: Coverage): void {
    this.#ring[this.#count % CAPACITY] = coverage;
    this.#count++;
  }

  /** Something unknown may have been invalidated: no read that is under way may be kept. */
  addUnknown(): void {
    this.#count++;
    this.#floor = this.#count;
  }

  /** Whether an entry may have been invalidated since the mark. */
  coveredSince(mark: number, key: string, tags: readonly string[]): boolean {
    if (mark === this.#count) return false;
    if (mark < this.#floor || this.#count - mark > CAPACITY) return true;
    for (let i = mark; i < this.#count; i++) {
      if (this.#ring[i % CAPACITY]?.covers(key, tags)) return true;
    }
    return false;
  }
}
