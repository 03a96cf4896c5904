import type { Socket } from "node:net";

/** What the proxy is doing to its connections now; shared by all of them. */
export interface LinkState {
  fault: "none" | "cut" | "hold" | "drop" | "half-open";
  latencyMs: number;
  bytesPerSecond: number | undefined;
}

/** What travels in a lane: bytes, a FIN or a RST. */
export type Item = { readonly kind: "data"; readonly chunk: Buffer } | { readonly kind: "end" | "reset" };

type QueuedItem = Item & { readonly due: number };

/** One direction of a connection. */
export interface Lane {
  push(item: Item): void;
  /** Delivers what may be delivered now, and comes back for the rest. */
  pump(): void;
  /** Forgets what it holds and stops its timer. */
  clear(): void;
}

/** Beyond this the sender is no longer read, so that its own buffers fill as they would behind a slow network. */
const HIGH_WATER_BYTES = 64 * 1024;
/** How finely a limited rate is dosed. */
const DOSE_SECONDS = 0.02;

/**
 * Makes the lane from one socket to another (`undefined`: not connected yet). Items leave in the order in
 * which they came, each no earlier than it is due.
 */
export function createLane(
  from: () => Socket | undefined,
  to: () => Socket | undefined,
  state: LinkState,
  throttled: boolean,
): Lane {
  const queue: QueuedItem[] = [];
  let queuedBytes = 0;
  let freeAt = 0;
  let timer: NodeJS.Timeout | undefined;

  function push(item: Item): void {
    queue.push({ ...item, due: performance.now() + state.latencyMs / 2 });
    if (item.kind === "data") queuedBytes += item.chunk.length;
    if (queuedBytes > HIGH_WATER_BYTES) from()?.pause();
    pump();
  }

  /** Milliseconds until the head of the queue may leave. */
  function waitMs(head: QueuedItem): number {
    const now = performance.now();
    const latency = state.latencyMs > 0 ? head.due - now : 0;
    const rate = throttled && state.bytesPerSecond !== undefined ? freeAt - now : 0;
    return Math.max(latency, rate);
  }

  function pump(): void {
    clearTimeout(timer);
    for (let head = queue[0]; head; head = queue[0]) {
      const socket = to();
      if (state.fault !== "none" || !socket || socket.writableNeedDrain) return;
      const wait = waitMs(head);
      if (wait > 0) {
        timer = setTimeout(pump, Math.ceil(wait));
        return;
      }
      queue.shift();
      if (head.kind === "data") send(socket, head.chunk, head.due);
      else if (head.kind === "end") socket.end();
      else socket.resetAndDestroy();
    }
  }

  function send(socket: Socket, chunk: Buffer, due: number): void {
    const rate = throttled ? state.bytesPerSecond : undefined;
    const size = rate === undefined ? chunk.length : Math.max(1, Math.floor(rate * DOSE_SECONDS));
    const dose = chunk.subarray(0, size);
    if (dose.length < chunk.length) queue.unshift({ kind: "data", chunk: chunk.subarray(size), due });
    if (rate !== undefined) freeAt = performance.now() + (dose.length / rate) * 1_000;
    queuedBytes -= dose.length;
    if (!socket.destroyed) socket.write(dose);
    if (queuedBytes <= HIGH_WATER_BYTES) from()?.resume();
  }

  function clear(): void {
    clearTimeout(timer);
    queue.length = 0;
    queuedBytes = 0;
    // Whoever was held back must be read again, if only to notice that it ends.
    from()?.resume();
  }

  return { push, pump, clear };
}
