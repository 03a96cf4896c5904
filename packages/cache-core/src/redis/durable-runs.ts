import type { AtomicArgument, AtomicOperation, AtomicReply } from "../atomic-operation.ts";
import { StoreUnavailableError } from "../errors.ts";
import type { Durability, DurableReply } from "../store.ts";
import { compactLua } from "./compact-lua.ts";
import { Link } from "./link.ts";
import type { RedisLike } from "./redis-like.ts";
import { toStoreError } from "./reply-error.ts";

/** How long the connection may take to come to stand. */
const CONNECT_MS = 1_000;

interface Waiting {
  readonly operation: AtomicOperation;
  readonly keys: readonly string[];
  readonly args: readonly AtomicArgument[];
  readonly resolve: (reply: DurableReply) => void;
  readonly reject: (error: unknown) => void;
}

interface Pipeline {
  callBuffer(command: string, ...args: (string | number | Buffer)[]): unknown;
  exec(): Promise<[error: unknown, reply: unknown][] | null>;
}

/**
 * Operations followed by `WAIT`, on connections of their own, one a lane, made at the first of them: `WAIT` holds up
 * everything that comes after it on its connection, and counts only what was written before it on the same one.
 *
 * What is asked while a `WAIT` is under way is sent together after it and shares the next one, as databases commit in
 * groups: many callers wait for two acknowledgements at most, not one after the other.
 */
export class DurableRuns {
  readonly #origin: RedisLike;
  readonly #deadlineMs: number;
  readonly #groups = new Map<string, Waiting[]>();
  readonly #links = new Map<string, Link>();
  #closed = false;

  constructor(origin: RedisLike, deadlineMs: number) {
    this.#origin = origin;
    this.#deadlineMs = deadlineMs;
  }

  /** `lane` keeps apart what lies on different nodes. */
  run(
    lane: string,
    operation: AtomicOperation,
    keys: readonly string[],
    args: readonly AtomicArgument[],
    durability: Durability,
  ): Promise<DurableReply> {
    const { replicas, timeoutMs } = durability;
    const name = `${replicas}|${timeoutMs}|${lane}`;
    return new Promise((resolve, reject) => {
      const waiting = { operation, keys, args, resolve, reject };
      const group = this.#groups.get(name);
      if (group !== undefined) {
        group.push(waiting);
        return;
      }
      this.#groups.set(name, [waiting]);
      void this.#serve(name, lane, durability);
    });
  }

  close(): void {
    this.#closed = true;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  /** Sends one batch after the other until nobody waits. */
  async #serve(name: string, lane: string, durability: Durability): Promise<void> {
    for (;;) {
      const batch = this.#groups.get(name)?.splice(0) ?? [];
      if (batch.length === 0) break;
      try {
        await this.#send(batch, lane, durability);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#groups.delete(name);
  }

  async #send(batch: readonly Waiting[], lane: string, { replicas, timeoutMs }: Durability): Promise<void> {
    const [first] = batch as [Waiting];
    const operation = first.operation.name;
    if (this.#closed) throw new StoreUnavailableError({ operation, reason: "closed" });
    const link = this.#linkOf(lane, first.keys[0] as string);
    try {
      const connection = await link.ready(CONNECT_MS);
      const pipeline = (connection as unknown as { pipeline(): Pipeline }).pipeline();
      // By EVAL: within a pipeline there is no second try when the server has forgotten the script.
      for (const { operation: each, keys, args } of batch) {
        pipeline.callBuffer("EVAL", compactLua(each.lua), keys.length, ...keys, ...args);
      }
      pipeline.callBuffer("WAIT", replicas, timeoutMs);
      const replies = await within(pipeline.exec(), timeoutMs + this.#deadlineMs, operation);
      const [waitError, acknowledged] = replies[batch.length] ?? [new Error("WAIT was not answered"), 0];
      let failed = false;
      batch.forEach((waiting, i) => {
        const [error, reply] = replies[i] ?? [waitError, undefined];
        const failure = error ?? waitError;
        if (failure !== null && failure !== undefined) {
          failed = true;
          waiting.reject(toStoreError(waiting.operation.name, failure));
        } else {
          waiting.resolve({ reply: reply as AtomicReply, acknowledged: Number(acknowledged) });
        }
      });
      // A replica, or a node that does not own the slot any more: a new connection finds the right one.
      if (failed) link.replace(true);
      else link.works();
    } catch (cause) {
      // Nobody knows what the connection still owes: the next run has a new one.
      link.replace();
      throw StoreUnavailableError.isInstance(cause) ? cause : toStoreError(operation, cause);
    }
  }

  #linkOf(lane: string, key: string): Link {
    let link = this.#links.get(lane);
    if (link === undefined) {
      link = new Link(this.#origin, {}, this.#origin.isCluster === true ? key : undefined);
      this.#links.set(lane, link);
    }
    return link;
  }
}

async function within(
  answer: Promise<[unknown, unknown][] | null>,
  ms: number,
  operation: string,
): Promise<[unknown, unknown][]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailableError({ operation, reason: "timeout" })), ms);
    timer.unref();
  });
  try {
    return (await Promise.race([answer, late])) ?? [];
  } finally {
    clearTimeout(timer);
    answer.catch(() => {});
  }
}
