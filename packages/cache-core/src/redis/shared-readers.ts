import type { Follower, FollowHandlers, FollowOptions, StreamMessage } from "../store.ts";
import { followStream, type StreamReader } from "./follow-stream.ts";
import type { RedisLike } from "./redis-like.ts";

interface Member {
  readonly handlers: FollowHandlers;
  readonly maxSilenceMs: number;
}

interface Shared {
  readonly members: Set<Member>;
  readonly reader: StreamReader;
}

/**
 * One reader a stream for everything in this process that follows it. Who joins later holds nothing yet that an earlier
 * message could concern, and hears of every later one: it has what the reader has, its proof of life included.
 */
export class SharedReaders {
  readonly #client: RedisLike;
  readonly #streams = new Map<string, Shared>();

  constructor(client: RedisLike) {
    this.#client = client;
  }

  follow(stream: string, handlers: FollowHandlers, { maxSilenceMs }: FollowOptions): Follower {
    const member: Member = { handlers, maxSilenceMs };
    const shared = this.#streams.get(stream) ?? this.#open(stream, member);
    shared.members.add(member);
    let stopped = false;
    let endWait: () => void = () => {};
    const ended = new Promise<void>((resolve) => {
      endWait = resolve;
    });
    return {
      get aliveUntil() {
        return stopped ? Number.NEGATIVE_INFINITY : shared.reader.provenAt + maxSilenceMs;
      },
      started: Promise.race([shared.reader.started, ended]),
      stop: async () => {
        stopped = true;
        endWait();
        shared.members.delete(member);
        if (shared.members.size > 0) return;
        if (this.#streams.get(stream) === shared) this.#streams.delete(stream);
        await shared.reader.stop();
      },
    };
  }

  #open(stream: string, first: Member): Shared {
    const members = new Set([first]);
    /** Everyone hears of it, also when somebody's handler throws. */
    function tell(call: (handlers: FollowHandlers) => void): void {
      const failures: unknown[] = [];
      for (const { handlers } of [...members]) {
        try {
          call(handlers);
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    }
    const reader = followStream(
      this.#client,
      stream,
      {
        onEntries: (messages: readonly StreamMessage[]) => tell((handlers) => handlers.onEntries(messages)),
        onGap: (reason) => tell((handlers) => handlers.onGap(reason)),
      },
      () => Math.min(...[...members].map((member) => member.maxSilenceMs)),
    );
    const shared = { members, reader };
    this.#streams.set(stream, shared);
    return shared;
  }
}
