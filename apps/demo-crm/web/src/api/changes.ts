import type { QueryClient } from "@tanstack/react-query";
import { isAffected } from "./affected-queries.ts";
import type { EntityChange } from "./types.ts";

const AT_MOST_EVERY_MS = 1_000;
const CHANNEL = "crm-changes";

/** `uncached`: the server is there, and its cache is not: it answers from the database. */
export type LinkState = "connecting" | "live" | "uncached" | "lost";
type Message =
  | { kind: "ready" | "resync" | "lost" | "away" | "back" }
  | { kind: "changes"; changes: readonly EntityChange[] };

/**
 * Keeps what is shown true: follows `/api/changes`, and has the queries that show what changed asked again. Returns the
 * function that ends it.
 *
 * A browser opens six connections to a host, for all windows together, and a stream occupies one for good. So one window, which holds a
 * lock, has the stream and tells the others. When it closes, the next one has the lock. Where there are no such locks (plain HTTP from
 * another machine) each window has a stream of its own.
 */
export function followChanges(client: QueryClient, onState: (state: LinkState) => void): () => void {
  const ended = new AbortController();
  const refresh = collectChanges(client);
  let wasReady = false;
  let isAway = false;

  function receive(message: Message): void {
    if (message.kind === "away") isAway = true;
    if (message.kind === "back" || message.kind === "lost") isAway = false;
    if (message.kind === "lost") onState("lost");
    else onState(isAway ? "uncached" : "live");
    if (message.kind === "changes") refresh.add(message.changes);
    if (message.kind !== "ready" && message.kind !== "resync") return;
    // Whatever happened before somebody listened may have been missed. At the first time that is the moment of loading.
    if (message.kind === "resync" || wasReady) void client.invalidateQueries();
    else void client.invalidateQueries({ refetchType: "none" });
    wasReady = true;
  }

  const shared = "locks" in navigator && typeof BroadcastChannel === "function";
  if (!shared) listen(ended.signal, receive);
  else {
    const channel = new BroadcastChannel(CHANNEL);
    let last: Message | undefined;
    channel.addEventListener("message", ({ data }: MessageEvent<Message | { kind: "who" }>) => {
      if (data.kind === "who") {
        if (last) channel.postMessage(last);
      } else receive(data);
    });
    channel.postMessage({ kind: "who" });
    navigator.locks
      .request(CHANNEL, { signal: ended.signal }, () => {
        // Granted in the moment in which it ended.
        if (ended.signal.aborted) return undefined;
        listen(ended.signal, (message) => {
          channel.postMessage(message);
          receive(message);
          if (isAway) last = { kind: "away" };
          else if (message.kind !== "changes") last = message.kind === "lost" ? message : { kind: "ready" };
        });
        return new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve()));
      })
      .catch(() => {});
    ended.signal.addEventListener("abort", () => channel.close());
  }
  return () => {
    ended.abort();
    refresh.end();
  };
}

function listen(signal: AbortSignal, receive: (message: Message) => void): void {
  let source: EventSource;
  let again: number | undefined;
  const open = () => {
    source = new EventSource("/api/changes");
    for (const kind of ["ready", "resync", "away", "back"] as const)
      source.addEventListener(kind, () => receive({ kind }));
    source.addEventListener("changes", ({ data }) => receive({ kind: "changes", changes: JSON.parse(data) }));
    source.addEventListener("error", () => {
      receive({ kind: "lost" });
      // Refused, and not merely interrupted: the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) again = window.setTimeout(open, 3_000);
    });
  };
  open();
  signal.addEventListener("abort", () => {
    window.clearTimeout(again);
    source.close();
  });
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
    void client.invalidateQueries({
      predicate: (query) => isAffected(query, changes),
      // A window that nobody sees asks when it is seen.
      refetchType: document.hidden ? "none" : "active",
    });
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
