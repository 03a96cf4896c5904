import type { RedisLike } from "./redis-like.ts";

/**
 * Connects to the primaries of a Cluster that was just found, all at once: a client that does so with the first command
 * for each makes that command late. Resolves when each has answered or failed, or when nothing happened for a while.
 */
export function connectNodes(client: RedisLike, patienceMs: number): Promise<void> {
  const nodes = client.nodes?.("master") ?? [];
  return new Promise((resolve) => {
    const open = new Set(nodes.filter(({ status }) => status !== "ready"));
    let progressAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const leave: (() => void)[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      for (const off of leave) off();
      resolve();
    };
    const settle = (node: RedisLike): void => {
      progressAt = performance.now();
      open.delete(node);
      if (open.size === 0) finish();
    };
    const check = (): void => {
      const silentMs = performance.now() - progressAt;
      if (silentMs < patienceMs - 1) {
        timer = setTimeout(check, patienceMs - silentMs);
        return;
      }
      // What has arrived while this process was busy is looked at first.
      setImmediate(() => {
        if (performance.now() - progressAt < patienceMs - 1) check();
        else finish();
      });
    };
    for (const node of [...open]) {
      const onConnect = (): void => {
        progressAt = performance.now();
      };
      const onEnd = (): void => settle(node);
      node.on("connect", onConnect);
      for (const event of ["ready", "close", "end"]) node.on(event, onEnd);
      leave.push(() => {
        node.off("connect", onConnect);
        for (const event of ["ready", "close", "end"]) node.off(event, onEnd);
      });
      if (node.status === "wait") node.connect().catch(() => {});
    }
    if (open.size === 0) finish();
    else timer = setTimeout(check, patienceMs);
  });
}
