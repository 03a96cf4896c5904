import { setTimeout as pause } from "node:timers/promises";
import type { FollowHandlers } from "../store.ts";
import { Link } from "./link.ts";
import { type NumberedMessage, readEntries } from "./read-entries.ts";
import type { RedisLike } from "./redis-like.ts";
import { isReplyError } from "./reply-error.ts";

/** Entries that one question asks for. */
const PAGE = 1_000;
/** What a node of a Cluster says of a slot that it does not serve, or not now. */
const ELSEWHERE = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)\b/;

/** A reader that runs. */
export interface StreamReader {
  /** When the latest question was sent whose answer showed that nothing was missed; -Infinity while the link is down. */
  readonly provenAt: number;
  /** Resolves when the first proof of life has arrived. */
  readonly started: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Reads a stream with a cursor of its own over a connection of its own: plain `XREAD`, no consumer group.
 *
 * Every answer proves that up to the moment its question was sent nothing was missed; an empty one, together with the
 * end of the stream, which is asked for then: a stream that was lost has nothing new either. After a
 * reconnection the entry at the cursor is asked for again: if it is not there the stream was trimmed, lost or replaced,
 * and a gap is reported; if it is, what follows it is everything that was missed. Gaps between entries are seen by
 * their numbers (`l` names the line of numbering, `n` counts along it).
 */
export function followStream(
  origin: RedisLike,
  stream: string,
  handlers: FollowHandlers,
  maxSilenceMs: () => number,
): StreamReader {
  const blockMs = (): number => Math.max(10, Math.floor(maxSilenceMs() / 4));
  let cursor: string | null = null;
  let line = "";
  let count = 0;
  let provenAt = Number.NEGATIVE_INFINITY;
  let stopped = false;
  let connections = 0;
  let resolveStarted: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    resolveStarted = resolve;
  });
  const link = new Link(
    origin,
    {
      onReady() {
        connections++;
      },
      onLost() {
        provenAt = Number.NEGATIVE_INFINITY;
      },
    },
    stream,
  );

  function proven(sentAt: number): void {
    link.works();
    provenAt = sentAt;
    resolveStarted();
  }

  function take(entries: readonly NumberedMessage[]): void {
    if (entries.length === 0) return;
    let gap: string | null = null;
    for (const { line: ownLine, number } of entries) {
      if (line === "" ? number !== 1 : ownLine !== line || number !== count + 1) gap = "missing numbers";
      line = ownLine;
      count = number;
    }
    cursor = (entries[entries.length - 1] as NumberedMessage).id;
    if (gap !== null) handlers.onGap(gap);
    handlers.onEntries(entries);
  }

  async function lastEntry(): Promise<NumberedMessage | undefined> {
    return readEntries(await ask("XREVRANGE", stream, "+", "-", "COUNT", 1))[0];
  }

  /** At the first connection: begin behind the last entry. */
  async function begin(): Promise<void> {
    const sentAt = performance.now();
    const last = await lastEntry();
    cursor = last?.id ?? "0-0";
    line = last?.line ?? "";
    count = last?.number ?? 0;
    proven(sentAt);
  }

  /** After a reconnection: prove that the stream goes on from the cursor. */
  async function resume(): Promise<void> {
    const sentAt = performance.now();
    const entries = readEntries(await ask("XRANGE", stream, cursor as string, "+", "COUNT", PAGE));
    if (cursor === "0-0" || entries[0]?.id !== cursor) {
      await startAnew("the stream does not go on from the cursor");
      return;
    }
    take(entries.slice(1));
    if (entries.length < PAGE) proven(sentAt);
  }

  async function read(): Promise<void> {
    const sentAt = performance.now();
    const reply = (await ask(
      "XREAD",
      "COUNT",
      PAGE,
      "BLOCK",
      blockMs(),
      "STREAMS",
      stream,
      cursor as string,
    )) as [string, unknown][] | null;
    if (stopped) return;
    if (reply === null) return await confirm(sentAt);
    const entries = readEntries(streamOf(reply));
    take(entries);
    if (entries.length < PAGE) proven(sentAt);
  }

  /** Nothing new: proves that the stream still ends at the cursor. One that was lost has nothing new either. */
  async function confirm(sentAt: number): Promise<void> {
    const last = await lastEntry();
    if ((last?.id ?? "0-0") === cursor) proven(sentAt);
    else if (last === undefined || isBefore(last.id, cursor as string))
      await startAnew("the stream was lost");
    // Otherwise there is something new after all: the next read shows it, and whether numbers are missing.
  }

  async function startAnew(reason: string): Promise<void> {
    cursor = null;
    // Forget first, then trust again.
    handlers.onGap(reason);
    await begin();
  }

  /** One question with a deadline: a link that says nothing for long is given up. */
  async function ask(command: string, ...args: (string | number)[]): Promise<unknown> {
    const { connection } = link;
    if (connection === undefined) throw new Error("lost");
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        link.replace();
        reject(new Error("silent"));
      }, blockMs() + maxSilenceMs());
      timer.unref();
    });
    try {
      return await Promise.race([connection.call(command, ...args), silence]);
    } catch (cause) {
      // The slot of the stream is another node's now.
      if (isReplyError(cause) && ELSEWHERE.test(cause.message)) link.replace(true);
      throw cause;
    } finally {
      clearTimeout(timer);
    }
  }

  async function loop(): Promise<void> {
    let seenConnections = 0;
    while (!stopped) {
      try {
        await link.ready(1_000);
        if (seenConnections !== connections) {
          const first = cursor === null;
          seenConnections = connections;
          if (first) await begin();
          else await resume();
        }
        await read();
      } catch {
        if (stopped) return;
        seenConnections = -1;
        await pause(25, undefined, { ref: false });
      }
    }
  }

  const running = loop();
  return {
    get provenAt() {
      return provenAt;
    },
    started,
    async stop() {
      stopped = true;
      provenAt = Number.NEGATIVE_INFINITY;
      resolveStarted();
      link.close();
      await running;
    },
  };
}

/** Whether one stream id lies before another. */
function isBefore(id: string, other: string): boolean {
  const [ms = 0, count = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherCount = 0] = other.split("-").map(Number);
  return ms < otherMs || (ms === otherMs && count < otherCount);
}

/** `XREAD` answers with pairs under RESP2 and, mapped by ioredis, under RESP3; a flat list is a mapped RESP3 map. */
function streamOf(reply: readonly unknown[]): unknown {
  const first = reply[0];
  return Array.isArray(first) ? first[1] : reply[1];
}
