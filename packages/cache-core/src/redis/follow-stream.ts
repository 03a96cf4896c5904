import { setTimeout as pause } from "node:timers/promises";
import type { StreamEntry } from "../memory-database.ts";
import type { Follower, FollowHandlers, FollowOptions } from "../store.ts";
import type { RedisLike } from "./redis-like.ts";
import { revive } from "./revive.ts";
import { duplicate, ready } from "./shared-subscriber.ts";

const PAGE = 1_000;

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
  options: FollowOptions,
): Follower {
  const { maxSilenceMs } = options;
  const blockMs = Math.max(10, Math.floor(maxSilenceMs / 4));
  const connection = duplicate(origin, {});
  connection.on("error", () => {
    // A dead link shows as silence; the command connection reports the server.
  });
  let cursor: string | null = null;
  let line = "";
  let count = 0;
  let aliveUntil = Number.NEGATIVE_INFINITY;
  let stopped = false;
  if (connection.isCluster !== true) revive(connection, () => stopped);
  let connections = 0;
  let resolveStarted: () => void = () => {};
  const started = new Promise<void>((resolve) => {
    resolveStarted = resolve;
  });
  connection.on("ready", () => {
    connections++;
  });
  connection.on("close", () => {
    aliveUntil = Number.NEGATIVE_INFINITY;
  });

  function proven(sentAt: number): void {
    aliveUntil = sentAt + maxSilenceMs;
    resolveStarted();
  }

  function take(entries: readonly StreamEntry[]): void {
    if (entries.length === 0) return;
    let gap: string | null = null;
    for (const entry of entries) {
      const ownLine = entry.fields.get("l")?.toString() ?? "";
      const number = Number(entry.fields.get("n")?.toString());
      if (line === "" ? number !== 1 : ownLine !== line || number !== count + 1) gap = "missing numbers";
      line = ownLine;
      count = number;
    }
    cursor = (entries[entries.length - 1] as StreamEntry).id;
    if (gap !== null) handlers.onGap(gap);
    handlers.onEntries(entries);
  }

  /** At the first connection: begin behind the last entry. */
  async function begin(): Promise<void> {
    const sentAt = performance.now();
    const last = parseEntries(await ask("XREVRANGE", stream, "+", "-", "COUNT", 1))[0];
    cursor = last?.id ?? "0-0";
    line = last?.fields.get("l")?.toString() ?? "";
    count = Number(last?.fields.get("n")?.toString() ?? 0);
    proven(sentAt);
  }

  /** After a reconnection: prove that the stream goes on from the cursor. */
  async function resume(): Promise<void> {
    const sentAt = performance.now();
    const entries = parseEntries(await ask("XRANGE", stream, cursor as string, "+", "COUNT", PAGE));
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
      blockMs,
      "STREAMS",
      stream,
      cursor as string,
    )) as [Buffer, unknown][] | null;
    if (stopped) return;
    if (reply === null) return await confirm(sentAt);
    const entries = parseEntries(streamOf(reply));
    take(entries);
    if (entries.length < PAGE) proven(sentAt);
  }

  /** Nothing new: proves that the stream still ends at the cursor. One that was lost has nothing new either. */
  async function confirm(sentAt: number): Promise<void> {
    const last = parseEntries(await ask("XREVRANGE", stream, "+", "-", "COUNT", 1))[0];
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
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        connection.stream?.destroy();
        reject(new Error("silent"));
      }, blockMs + maxSilenceMs);
      timer.unref();
    });
    try {
      return await Promise.race([connection.callBuffer(command, ...args), silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  async function loop(): Promise<void> {
    let seenConnections = 0;
    while (!stopped) {
      try {
        await ready(connection, 1_000);
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
    get aliveUntil() {
      return aliveUntil;
    },
    started,
    async stop() {
      stopped = true;
      aliveUntil = Number.NEGATIVE_INFINITY;
      resolveStarted();
      connection.disconnect();
      connection.stream?.destroy();
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

function parseEntries(reply: unknown): StreamEntry[] {
  return ((reply ?? []) as [Buffer, Buffer[]][]).map(([id, flat]) => {
    const fields = new Map<string, Buffer>();
    for (let i = 0; i + 1 < flat.length; i += 2) {
      fields.set((flat[i] as Buffer).toString(), flat[i + 1] as Buffer);
    }
    return { id: id.toString(), fields };
  });
}
