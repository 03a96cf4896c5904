import type { RedisLike } from "./redis-like.ts";

/** What a connection has carried when it was looked at, and how many answers had come by then. */
export interface FlowSample extends Carried {
  readonly at: number;
  readonly answers: number;
  /** The next one of those to which calls are compared: what was given by then is all that was sent at this one, and before. */
  next: FlowSample | undefined;
}

interface Carried {
  readonly readBytes: number;
  /** What the system has taken. */
  readonly takenBytes: number;
  /** With what waits in this process. */
  readonly givenBytes: number;
}

/** How a socket of Node tells what it has carried. */
interface Carrier {
  readonly bytesRead?: number;
  /** What was given to the socket: also what still waits in its buffer. */
  readonly bytesWritten?: number;
  /** What waits in its buffer, and what the system is being given. */
  readonly writableLength?: number;
  readonly writableBuffer?: readonly { readonly chunk: string | Uint8Array }[];
  /** What was given to the system, without what waits in the socket's buffer; and what of it the system has not taken yet. */
  readonly _handle?: { readonly bytesWritten?: number; readonly writeQueueSize?: number } | null;
}

/** As much for each answer, within a deadline, is a large value on its way. Late answers to small questions are not. */
const BULK_BYTES = 65_536;
/** What moved is given so much time for the other side to work on it: small servers need 80 ms a megabyte. */
const BYTES_PER_MS = 12_500;
/** An age up to which a sample stands for the present, in ms. */
const SAMPLE_EVERY_MS = 5;

/**
 * Tells a connection over which a large value moves from one that is silent. An answer that has not come says nothing of
 * the server while megabytes leave or arrive: they hold up their own answer and all behind it. So a call is waited for while they move, and for as long after as the other
 * side may need to work on them.
 *
 * Bytes count as moved when the system takes them or gives them, and for a call only those that left before it or with it: what is sent
 * behind it does not hold it up. Where the peer is gone, the system takes no more than its buffers hold, and no more time is given than for
 * that; small calls that go on being sent give none.
 */
export class BulkFlow {
  readonly #client: RedisLike;
  #answers = 0;
  #latest: FlowSample;

  constructor(client: RedisLike) {
    this.#client = client;
    this.#latest = this.#look(performance.now());
  }

  noteAnswer(): void {
    this.#answers++;
  }

  /** What to compare with later, for a call that is sent now. */
  sample(now: number): FlowSample {
    if (now - this.#latest.at > SAMPLE_EVERY_MS) {
      const latest = this.#look(now);
      this.#latest.next = latest;
      this.#latest = latest;
    }
    return this.#latest;
  }

  /** What the connection has carried by now. */
  look(): FlowSample {
    return this.#look(performance.now());
  }

  /** How long large values that have moved from one sample to the other may hold up a call sent at `sent`, in ms; 0 where none have. */
  allowanceMs(from: FlowSample, to: FlowSample, sent: FlowSample = from): number {
    const end = sent.next?.givenBytes ?? to.givenBytes;
    const left = Math.max(0, Math.min(to.takenBytes, end) - from.takenBytes);
    const moved = to.readBytes - from.readBytes + left;
    return moved < BULK_BYTES * (to.answers - from.answers + 1) ? 0 : moved / BYTES_PER_MS;
  }

  #look(at: number): FlowSample {
    let [readBytes, takenBytes, givenBytes] = [0, 0, 0];
    const clients = this.#client.isCluster === true ? (this.#client.nodes?.("master") ?? []) : [this.#client];
    for (const { stream } of clients) {
      const carried = carriedBy(stream as Carrier | undefined);
      readBytes += carried.readBytes;
      takenBytes += carried.takenBytes;
      givenBytes += carried.givenBytes;
    }
    return { at, readBytes, takenBytes, givenBytes, answers: this.#answers, next: undefined };
  }
}

function carriedBy(socket: Carrier | undefined): Carried {
  if (socket === undefined) return NOTHING;
  const { bytesRead: readBytes = 0, writableLength = 0 } = socket;
  const { bytesWritten, writeQueueSize = 0 } = socket._handle ?? {};
  if (bytesWritten !== undefined) {
    // What the system is being given counts in both lengths.
    const givenBytes = bytesWritten + Math.max(0, writableLength - writeQueueSize);
    return { readBytes, takenBytes: bytesWritten - writeQueueSize, givenBytes };
  }
  // Without a handle the socket's own count has to do, which walks through its buffer: 2.5 ms a look where 4 MB wait, against 4 µs.
  const givenBytes = socket.bytesWritten ?? 0;
  let waiting = writeQueueSize;
  for (const { chunk } of socket.writableBuffer ?? []) waiting += Buffer.byteLength(chunk);
  return { readBytes, takenBytes: givenBytes - waiting, givenBytes };
}

const NOTHING: Carried = { readBytes: 0, takenBytes: 0, givenBytes: 0 };
