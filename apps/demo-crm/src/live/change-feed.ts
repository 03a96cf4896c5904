import type { EntityEvent } from "@crm/cache-core";
import { cache } from "../cache/index.ts";

const CHANNEL = "cache:invalidation";

/** Something that was written, here or in another instance, and that no cache answers any more. */
export interface EntityChange {
  readonly event: EntityEvent;
  readonly entityType: string;
  readonly entityId: string;
}

/**
 * What somebody who shows data has to know: that he is told from now on, what changed, that messages may be missing, or that the
 * cache's store does not answer (`away`) and answers again (`back`).
 */
export type ChangeMessage =
  | ReadyMessage
  | { readonly kind: "resync" | "away" | "back" }
  | { readonly kind: "changes"; readonly changes: readonly EntityChange[] };

interface ReadyMessage {
  readonly kind: "ready";
  /** For so long nothing was written, as far as is known here; ms. What was read before that may have changed without a word. */
  readonly quietMs: number;
}

export interface ChangeFeed {
  /** Calls back for every message until the returned function is called. `onEnd`: nothing will come any more. */
  follow(onMessage: (message: ChangeMessage) => void, onEnd: (error?: unknown) => void): () => void;
  close(): void;
}

/**
 * The writes of all instances, from the channel on which every invalidation is published once it is applied: who reads
 * again after a message cannot be answered with the old value. The channel is at most once; where messages may have been
 * lost, followers are told to read everything again. It listens from when somebody first follows.
 */
export function createChangeFeed(): ChangeFeed {
  const followers = new Map<(message: ChangeMessage) => void, (error?: unknown) => void>();
  let listening: Promise<() => Promise<void>> | undefined;
  let isAway = false;
  /** Since then it has heard everything, and nothing was written; ms of `performance.now`. */
  let quietSince = 0;
  const heed = (kind: "away" | "back") => () => {
    isAway = kind === "away";
    tell({ kind });
    if (isAway || listening !== undefined) return;
    // They came while the store was away. What they have read since then may have changed without a word.
    for (const onMessage of followers.keys()) begin(onMessage, "resync");
  };
  const unheed = [cache.on("store:down", heed("away")), cache.on("store:up", heed("back"))];

  function tell(message: ChangeMessage): void {
    for (const onMessage of followers.keys()) onMessage(message);
  }

  /** What has been read before this may be old. */
  function tellNow(message: ChangeMessage): void {
    quietSince = performance.now();
    tell(message);
  }

  async function listen(): Promise<() => Promise<void>> {
    const end = await cache.subscribe<{ events?: readonly EntityChange[] }>(
      CHANNEL,
      ({ events }) => {
        if (events && events.length > 0) tellNow({ kind: "changes", changes: events });
      },
      { onGap: () => tellNow({ kind: "resync" }) },
    );
    quietSince = performance.now();
    return end;
  }

  /** Listens, and tells this follower once that stands. */
  function begin(onMessage: (message: ChangeMessage) => void, kind: "ready" | "resync"): void {
    listening ??= listen();
    const current = listening;
    current.then(
      () => {
        if (!followers.has(onMessage)) return;
        onMessage(kind === "resync" ? { kind } : { kind, quietMs: performance.now() - quietSince });
      },
      (error: unknown) => {
        if (listening === current) listening = undefined;
        // Who follows knows that, and waits for the store with us.
        if (isAway) return;
        const onEnd = followers.get(onMessage);
        followers.delete(onMessage);
        onEnd?.(error);
      },
    );
  }

  return {
    follow(onMessage, onEnd) {
      followers.set(onMessage, onEnd);
      if (isAway) onMessage({ kind: "away" });
      begin(onMessage, "ready");
      return () => void followers.delete(onMessage);
    },
    close() {
      for (const end of unheed) end();
      // A subscription that never stood has nothing to end.
      listening?.then((end) => end()).catch(() => {});
      for (const onEnd of followers.values()) onEnd();
      followers.clear();
    },
  };
}
