import type { RedisLike } from "./redis-like.ts";

/** Gives up connections whose peer may be gone without a word; the client makes others. */
export function replaceSilent(client: RedisLike, deadlineMs: number): void {
  if (client.isCluster !== true) client.stream?.destroy();
  else for (const node of client.nodes?.("master") ?? []) void replaceIfSilent(node, deadlineMs);
}

/** In a Cluster the other nodes may be well, with calls under way. */
async function replaceIfSilent(node: RedisLike, deadlineMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), deadlineMs);
    timer.unref();
  });
  // A connection that is just being made refuses: whether its handshake hangs shows in its status.
  const answer = node.callBuffer("PING").then(
    () => false,
    () => node.status === "connect",
  );
  if (await Promise.race([answer, silence])) node.stream?.destroy();
  clearTimeout(timer);
}
