import type { Store } from "@crm/cache-core";

/** The one channel of a process, on which it is told of grants and losses. It stands from the first lock on. */
export class Mailbox {
  readonly #store: Store;
  readonly #channel: string;
  readonly #onMessage: (kind: string, token: string) => void;
  #standing: Promise<boolean> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  #stands = false;
  #closed = false;

  constructor(store: Store, channel: string, onMessage: (kind: string, token: string) => void) {
    this.#store = store;
    this.#channel = channel;
    this.#onMessage = onMessage;
  }

  get stands(): boolean {
    return this.#stands;
  }

  /**
   * Resolves to whether it stands. Never rejects. What has failed is tried again by the next call: a server that was away
   * at the start is no reason to be deaf for ever.
   */
  listen(): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    this.#standing ??= this.#subscribe();
    return this.#standing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stands = false;
    await this.#unsubscribe?.().catch(() => {});
  }

  async #subscribe(): Promise<boolean> {
    try {
      const unsubscribe = await this.#store.subscribe(this.#channel, (message) => {
        if (!this.#closed) this.#onMessage(message.charAt(0), message.slice(1));
      });
      if (this.#closed) {
        await unsubscribe().catch(() => {});
        return false;
      }
      this.#unsubscribe = unsubscribe;
      this.#stands = true;
      return true;
    } catch {
      this.#standing = undefined;
      return false;
    }
  }
}
