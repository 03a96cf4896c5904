/** Handlers by channel. Knows when a channel gets its first handler and loses its last. */
export class Subscriptions {
  readonly #handlers = new Map<string, Set<(message: string) => void>>();

  /** Returns whether the channel is new. */
  add(channel: string, handler: (message: string) => void): boolean {
    const known = this.#handlers.get(channel);
    if (known === undefined) {
      this.#handlers.set(channel, new Set([handler]));
      return true;
    }
    known.add(handler);
    return false;
  }

  /** Returns whether that was the channel's last handler. */
  remove(channel: string, handler: (message: string) => void): boolean {
    const known = this.#handlers.get(channel);
    if (known === undefined || !known.delete(handler) || known.size > 0) return false;
    this.#handlers.delete(channel);
    return true;
  }

  count(channel: string): number {
    return this.#handlers.get(channel)?.size ?? 0;
  }

  /** A handler that throws stops nobody; `onError` is told. */
  deliver(channel: string, message: string, onError: (error: unknown) => void): void {
    const known = this.#handlers.get(channel);
    if (known === undefined) return;
    for (const handler of [...known]) {
      try {
        handler(message);
      } catch (error) {
        onError(error);
      }
    }
  }

  clear(): void {
    this.#handlers.clear();
  }
}
