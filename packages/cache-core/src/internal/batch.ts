interface Waiting<Item, Reply> {
  readonly item: Item;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Sends together what is asked in one turn of the event loop: many items cost one command, one script and one
 * deadline. Alone, an item is sent at the end of the turn.
 */
export class Batch<Item, Reply> {
  readonly #limit: number;
  readonly #send: (items: readonly Item[]) => Promise<readonly Reply[]>;
  #waiting: Waiting<Item, Reply>[] = [];

  /** `limit`: items of one command at most, so that no script keeps the server from others for long. */
  constructor(limit: number, send: (items: readonly Item[]) => Promise<readonly Reply[]>) {
    this.#limit = limit;
    this.#send = send;
  }

  add(item: Item): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length === 1) process.nextTick(() => this.#flush());
      else if (this.#waiting.length === this.#limit) this.#flush();
    });
  }

  #flush(): void {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    this.#send(batch.map(({ item }) => item)).then(
      (replies) => {
        batch.forEach(({ resolve }, i) => {
          resolve(replies[i] as Reply);
        });
      },
      (error) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }
}
