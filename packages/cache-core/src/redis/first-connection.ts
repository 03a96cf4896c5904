import type { RedisLike } from "./redis-like.ts";

/**
 * The wait for the very first connection of a client, once for all who ask: as long as it makes progress. When that was in vain
 * nobody waits again before it stands.
 */
export class FirstConnection {
  readonly #client: RedisLike;
  readonly #deadlineMs: number;
  #lastProgress = performance.now();
  #wait: Promise<boolean> | undefined;
  /** Whether a call should wait at all. */
  patient = true;

  constructor(client: RedisLike, deadlineMs: number) {
    this.#client = client;
    this.#deadlineMs = deadlineMs;
    client.on("connect", this.#onProgress);
    client.on("ready", this.#onProgress);
  }

  /** Whether the connection came to stand. */
  wait(): Promise<boolean> {
    this.#wait ??= this.#await();
    return this.#wait;
  }

  close(): void {
    this.#client.off("connect", this.#onProgress);
    this.#client.off("ready", this.#onProgress);
  }

  readonly #onProgress = (): void => {
    this.#lastProgress = performance.now();
  };

  #await(): Promise<boolean> {
    const client = this.#client;
    const deadlineMs = this.#deadlineMs;
    return new Promise((resolve) => {
      const began = performance.now();
      const finish = (stands: boolean): void => {
        clearTimeout(timer);
        client.off("ready", onReady);
        client.off("close", onClose);
        this.patient = stands;
        resolve(stands);
      };
      const onReady = (): void => finish(true);
      const onClose = (): void => finish(false);
      const check = (): void => {
        const silentFor = performance.now() - Math.max(began, this.#lastProgress);
        if (silentFor < deadlineMs - 1) {
          timer = setTimeout(check, deadlineMs - silentFor);
          return;
        }
        // What has arrived while this process was busy is looked at first.
        setImmediate(() => {
          if (client.status !== "ready") finish(false);
        });
      };
      let timer = setTimeout(check, deadlineMs);
      client.once("ready", onReady);
      client.once("close", onClose);
    });
  }
}
