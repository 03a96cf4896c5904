import { SortedList } from "../sorted-list.ts";

/** The reading side of a sorted list. */
export type SortedOrder = Pick<
  SortedList,
  "lexBound" | "scoreBound" | "start" | "end" | "slice" | "sliceReversed"
>;

/** A sorted set: members with scores, in the order of both. */
export class SortedMembers {
  readonly #scores = new Map<string, number>();
  readonly #order = new SortedList();

  get size(): number {
    return this.#scores.size;
  }

  score(member: string): number | undefined {
    return this.#scores.get(member);
  }

  /** Adds the member or moves it to the score. Returns whether it is new. */
  set(member: string, score: number): boolean {
    const current = this.#scores.get(member);
    if (current === score) return false;
    if (current !== undefined) this.#order.remove(current, member);
    this.#scores.set(member, score);
    this.#order.add(score, member);
    return current === undefined;
  }

  delete(member: string): boolean {
    const score = this.#scores.get(member);
    if (score === undefined) return false;
    this.#scores.delete(member);
    this.#order.remove(score, member);
    return true;
  }

  get order(): SortedOrder {
    return this.#order;
  }
}
