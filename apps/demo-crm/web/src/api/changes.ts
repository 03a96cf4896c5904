import type { QueryClient } from "@tanstack/react-query";
import { isAffected } from "./affected-queries.ts";
import { askAgain } from "./ask-again.ts";
import { type Message, shareStream } from "./share-stream.ts";
import type { EntityChange } from "./types.ts";

const AT_MOST_EVERY_MS = 1_000;
/** While the cache's store is away, writes are not told: what is shown is asked for again instead. */
const AWAY_EVERY_MS = 5_000;

/** `uncached`: the server is there, and its cache is not: it answers from the database. */
export type LinkState = "connecting" | "live" | "uncached" | "lost";

/**
 * Keeps what is shown true: follows the stream of changes, and has the queries that show what changed asked again. Returns the
 * function that ends it.
 */
export function followChanges(client: QueryClient, onState: (state: LinkState) => void): () => void {
  const ended = new AbortController();
  const refresh = collectChanges(client);
  let wasReady = false;
  let isAway = false;
  const away = window.setInterval(() => isAway && void askAgain(client, () => true), AWAY_EVERY_MS);

  function receive(message: Message): void {
    if (message.kind === "away") isAway = true;
    if (message.kind === "back" || message.kind === "lost") isAway = false;
    if (message.kind === "lost") onState("lost");
    else onState(isAway ? "uncached" : "live");
    if (message.kind === "changes") refresh.add(message.changes);
    if (message.kind !== "ready" && message.kind !== "resync") return;
    // Whatever happened before somebody listened may have been missed: at the first time, what was written since the page began to load.
    const isTrue = message.kind === "ready" && !wasReady && message.quietMs >= performance.now();
    if (isTrue) void client.invalidateQueries({ refetchType: "none" });
    else void readAgain(client, wasReady);
    wasReady = true;
  }

  shareStream(ended.signal, receive);
  return () => {
    ended.abort();
    window.clearInterval(away);
    refresh.end();
  };
}

/** Everything that is shown is asked for again. After an interruption nobody waits for what was asked before: it may never be answered. */
async function readAgain(client: QueryClient, wasInterrupted: boolean): Promise<void> {
  if (wasInterrupted) await client.cancelQueries();
  await askAgain(client, () => true);
}

/** The first change is shown at once. While they come one after the other, the queries are asked once a second. */
function collectChanges(client: QueryClient) {
  let waiting: EntityChange[] = [];
  let timer: number | undefined;

  function flush(): void {
    timer = undefined;
    if (waiting.length === 0) return;
    const changes = waiting;
    waiting = [];
    timer = window.setTimeout(flush, AT_MOST_EVERY_MS);
    void askAgain(client, (query) => isAffected(query, changes));
  }
  return {
    add(changes: readonly EntityChange[]): void {
      waiting.push(...changes);
      if (timer === undefined) flush();
    },
    end(): void {
      window.clearTimeout(timer);
    },
  };
}
