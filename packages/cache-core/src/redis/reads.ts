import { Batch } from "../internal/batch.ts";
import type { StoreWarning } from "../store.ts";
import type { Lane } from "./lane.ts";
import type { RedisLike } from "./redis-like.ts";
import { isReplyError } from "./reply-error.ts";
import type { Answer } from "./script-call.ts";

/** More gains little and makes client and server wait for each other in turns. */
const READS_OF_ONE_COMMAND = 16;

/** What reads need of their store. */
interface Parts {
  readonly client: RedisLike;
  laneOf(key: string): Lane;
  warn(warning: StoreWarning): void;
  /** Sends a call, and gives up on it at its deadline. */
  send<T>(operation: string, lane: Lane, send: (answer: Answer) => void): Promise<T>;
}

/**
 * Reads of values. Those that come in one turn are one command: a plain `GET` for one key, an `MGET` for more, which spares the
 * client a command, a promise and a deadline each.
 */
export class Reads {
  readonly #parts: Parts;
  readonly #batches = new Map<Lane, Batch<string, Buffer | null>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get(key: string): Promise<Buffer | null> {
    return this.#batchOf(this.#parts.laneOf(key)).add(key);
  }

  async getMany(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const { client, laneOf, send } = this.#parts;
    const groups = new Map<Lane, number[]>();
    keys.forEach((key, at) => {
      const lane = laneOf(key);
      const group = groups.get(lane);
      if (group === undefined) groups.set(lane, [at]);
      else group.push(at);
    });
    const values: (Buffer | null)[] = new Array(keys.length).fill(null);
    await Promise.all(
      [...groups].map(async ([lane, places]) => {
        const names = places.map((at) => keys[at] as string);
        const found = await send<(Buffer | null)[]>("getMany", lane, ({ onReply, onError }) => {
          client.mgetBuffer(...names).then(onReply, onError);
        });
        places.forEach((at, i) => {
          values[at] = found[i] ?? null;
        });
      }),
    );
    return values;
  }

  #batchOf(lane: Lane): Batch<string, Buffer | null> {
    let batch = this.#batches.get(lane);
    if (batch === undefined) {
      const { client, send } = this.#parts;
      batch = new Batch(READS_OF_ONE_COMMAND, async (keys) =>
        send("get", lane, ({ onReply, onError }) => {
          const [only] = keys;
          if (keys.length > 1 || only === undefined) client.mgetBuffer(...keys).then(onReply, onError);
          else this.#readOne(only).then((value) => onReply([value]), onError);
        }),
      );
      this.#batches.set(lane, batch);
    }
    return batch;
  }

  async #readOne(key: string): Promise<Buffer | null> {
    const { client, warn } = this.#parts;
    try {
      return await client.getBuffer(key);
    } catch (cause) {
      if (!isReplyError(cause) || !cause.message.startsWith("WRONGTYPE")) throw cause;
      warn({
        code: "FOREIGN_TYPE",
        message: "A key of this namespace holds another type: a miss.",
        key,
        cause,
      });
      return null;
    }
  }
}
