/** Virtual time: what is due is done in its order, and nothing takes any. */
export class EventQueue {
  #heap: { readonly at: number; readonly order: number; act: (() => void) | null }[] = [];
  #order = 0;
  now = 0;

  /** Calls back after so many ms. Returns what cancels it. */
  after(ms: number, act: () => void): () => void {
    const event = { at: this.now + ms, order: this.#order++, act: act as (() => void) | null };
    this.#heap.push(event);
    let at = this.#heap.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#isFirst(parent, at)) break;
      this.#swap(parent, at);
      at = parent;
    }
    return () => {
      event.act = null;
    };
  }

  run(untilMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= untilMs; first = this.#heap[0]) {
      this.#removeFirst();
      this.now = first.at;
      first.act?.();
    }
    this.now = untilMs;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < this.#heap.length && this.#isFirst(left, least)) least = left;
      if (right < this.#heap.length && this.#isFirst(right, least)) least = right;
      if (least === at) return;
      this.#swap(least, at);
      at = least;
    }
  }

  #isFirst(one: number, other: number): boolean {
    const a = this.#heap[one] as { at: number; order: number };
    const b = this.#heap[other] as { at: number; order: number };
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap as unknown[];
    [heap[one], heap[other]] = [heap[other], heap[one]];
  }
}
