import type { Clock, Store } from "@crm/cache-core";

/** A server that is silent does not hold up `close`; the subscription ends with its connection. */
const LEAVE_WITHIN_MS = 250;

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

  async close(clock: Clock): Promise<void> {
    this.#closed = true;
    this.#stands = false;
    const left = this.#unsubscribe?.().catch(() => {});
    if (left === undefined) return;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(LEAVE_WITHIN_MS, resolve);
    });
    await Promise.race([left, late]);
    cancel();
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
