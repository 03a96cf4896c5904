/** A set from which random members can be drawn in constant time: an array, and each member's place in it. */
export class MemberSet {
  readonly #members: string[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#members.length;
  }

  add(member: string): boolean {
    if (this.#places.has(member)) return false;
    this.#places.set(member, this.#members.length);
    this.#members.push(member);
    return true;
  }

  delete(member: string): boolean {
    const place = this.#places.get(member);
    if (place === undefined) return false;
    this.#places.delete(member);
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[place] = last;
      this.#places.set(last, place);
    }
    return true;
  }

  has(member: string): boolean {
    return this.#places.has(member);
  }

  all(): string[] {
    return this.#members.slice();
  }

  /** As `SRANDMEMBER`: different members for a positive count, `-count` draws with repetition for a negative one. */
  sample(count: number, random: () => number): string[] {
    const members = this.#members;
    const size = members.length;
    if (count < 0) return Array.from({ length: -count }, () => members[Math.floor(random() * size)]!);
    if (count >= size) return members.slice();
    // Few of many: draw until they differ. Many: shuffle as far as needed.
    if (count * 3 < size) {
      const drawn = new Set<string>();
      while (drawn.size < count) drawn.add(members[Math.floor(random() * size)]!);
      return [...drawn];
    }
    const pool = members.slice();
    for (let i = 0; i < count; i++) {
      const other = i + Math.floor(random() * (size - i));
      const picked = pool[other]!;
      pool[other] = pool[i]!;
      pool[i] = picked;
    }
    return pool.slice(0, count);
  }
}
