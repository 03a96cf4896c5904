import { type CallMessage, toWire, type WorkerMessage } from "./internal/worker-protocol.ts";

/** What a worker can be asked to do, by name. Payloads and results are structured-cloned. */
export type WorkerHandlers = Readonly<Record<string, (payload: never) => unknown>>;

/**
 * The child's side of {@link spawnWorker}: answers calls until the parent goes away. Calls run at the same time, as they
 * come. To be called once, when the worker is ready to work.
 *
 * @example
 * ```ts
 * serveWorker({
 *   add: ({ a, b }: { a: number; b: number }) => a + b,
 * });
 * ```
 */
export function serveWorker(handlers: WorkerHandlers): void {
  if (!process.send) throw new Error("serveWorker() works in a process that spawnWorker() started");

  function post(message: WorkerMessage): void {
    // Into the void if the parent is gone; `disconnect` ends this process then.
    process.send?.(message, undefined, undefined, () => {});
  }

  async function answer({ id, name, payload }: CallMessage): Promise<void> {
    try {
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
      if (!handler)
        throw new Error(
          `The worker has no handler ${JSON.stringify(name)}; it has ${Object.keys(handlers).join(", ")}`,
        );
      post({ kind: "result", id, value: await handler(payload as never) });
    } catch (error) {
      post({ kind: "error", id, error: toWire(error) });
    }
  }

  process.on("message", (message) => void answer(message as CallMessage));
  process.on("disconnect", () => process.exit(0));
  post({ kind: "ready" });
}
