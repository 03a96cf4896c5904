import type { EntityChange } from "./types.ts";

const CHANNEL = "crm-changes";

export type Message =
  /** From now on everything is told; for so long before, nothing was written. */
  | { kind: "ready"; quietMs: number }
  | { kind: "resync" | "lost" | "away" | "back" }
  | { kind: "changes"; changes: readonly EntityChange[] };

/** What windows say to each other: a message for all, a question of one, or the answer to it. */
type Word = { readonly from: string } | { readonly message: Message; readonly to?: string };

/**
 * Follows `/api/changes` until the signal aborts.
 *
 * A browser opens six connections to a host, for all windows together, and a stream occupies one for good. So one window, which holds a
 * lock, has the stream and tells the others. When it closes, the next one has the lock. Where there are no such locks (plain HTTP from
 * another machine) each window has a stream of its own.
 */
export function shareStream(signal: AbortSignal, receive: (message: Message) => void): void {
  if (!("locks" in navigator) || typeof BroadcastChannel !== "function") {
    listen(signal, receive);
    return;
  }
  const channel = new BroadcastChannel(CHANNEL);
  const self = crypto.randomUUID();
  const stream = noteStream();
  const say = (word: Word) => channel.postMessage(word);
  channel.addEventListener("message", ({ data }: MessageEvent<Word>) => {
    if ("from" in data) {
      const message = stream.now();
      if (message) say({ message, to: data.from });
    } else if (data.to === undefined || data.to === self) receive(data.message);
  });
  say({ from: self });
  navigator.locks
    .request(CHANNEL, { signal }, () => {
      // Granted in the moment in which it ended.
      if (signal.aborted) return undefined;
      listen(signal, (message) => {
        stream.note(message);
        say({ message });
        receive(message);
      });
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    })
    .catch(() => {});
  signal.addEventListener("abort", () => channel.close());
}

/** What the window that has the stream tells those that come later; nothing in the others. */
function noteStream() {
  let state: "ready" | "away" | "lost" | undefined;
  let quietSince = 0;
  return {
    note(message: Message): void {
      const { kind } = message;
      if (kind === "away" || kind === "lost") state = kind;
      else if (kind !== "changes") state = "ready";
      if (kind === "changes" || kind === "resync") quietSince = performance.now();
      if (kind === "ready") quietSince = performance.now() - message.quietMs;
    },
    now(): Message | undefined {
      if (state !== "ready") return state && { kind: state };
      return { kind: "ready", quietMs: performance.now() - quietSince };
    },
  };
}

function listen(signal: AbortSignal, receive: (message: Message) => void): void {
  let source: EventSource;
  let again: number | undefined;
  const open = () => {
    source = new EventSource("/api/changes");
    for (const kind of ["resync", "away", "back"] as const)
      source.addEventListener(kind, () => receive({ kind }));
    source.addEventListener("ready", ({ data }) =>
      receive({ kind: "ready", ...(JSON.parse(data) as { quietMs: number }) }),
    );
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
