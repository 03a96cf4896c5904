import { callHandler } from "./call-handler.ts";

/** One handler of a channel. */
export interface Subscription {
  readonly channel: string;
  readonly handler: (message: string) => void;
  /** Messages may have been missed. */
  readonly onGap: (() => void) | undefined;
}

/** Handlers by channel. Knows when a channel gets its first handler and loses its last. */
export class Subscriptions {
  readonly #byChannel = new Map<string, Set<Subscription>>();

  get channels(): string[] {
    return [...this.#byChannel.keys()];
  }

  get size(): number {
    return this.#byChannel.size;
  }

  /** Returns whether the channel is new. */
  add(subscription: Subscription): boolean {
    const known = this.#byChannel.get(subscription.channel);
    if (known === undefined) {
      this.#byChannel.set(subscription.channel, new Set([subscription]));
      return true;
    }
    known.add(subscription);
    return false;
  }

  /** Returns whether that was the channel's last handler. */
  remove(subscription: Subscription): boolean {
    const { channel } = subscription;
    const known = this.#byChannel.get(channel);
    if (known === undefined || !known.delete(subscription) || known.size > 0) return false;
    this.#byChannel.delete(channel);
    return true;
  }

  count(channel: string): number {
    return this.#byChannel.get(channel)?.size ?? 0;
  }

  /** A handler that throws or rejects stops nobody; `onError` is told. */
  deliver(channel: string, message: string, onError: (error: unknown) => void): void {
    for (const { handler } of this.#of(channel)) callHandler(handler, onError, message);
  }

  /** Tells every handler of a channel that messages may have been missed. */
  reportGap(channel: string, onError: (error: unknown) => void): void {
    for (const { onGap } of this.#of(channel)) if (onGap !== undefined) callHandler(onGap, onError);
  }

  clear(): void {
    this.#byChannel.clear();
  }

  /** A copy: a handler may end its own subscription. */
  #of(channel: string): Subscription[] {
    return [...(this.#byChannel.get(channel) ?? [])];
  }
}
