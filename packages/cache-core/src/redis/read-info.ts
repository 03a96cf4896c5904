import { StoreUnavailableError } from "../errors.ts";
import type { StoreInfo } from "../store.ts";
import type { RedisLike } from "./redis-like.ts";

/** Asks `INFO` of the server, or of each primary of a Cluster, whose figures are added up. */
export async function readInfo(client: RedisLike, deadlineMs: number): Promise<StoreInfo> {
  if (client.status !== "ready") throw new StoreUnavailableError({ operation: "info", reason: "down" });
  const nodes = client.isCluster === true ? (client.nodes?.("master") ?? []) : [client];
  const answers = await withDeadline(Promise.all(nodes.map((node) => node.info())), deadlineMs);
  const infos = answers.map(parse);
  const sum = (field: string): number =>
    infos.reduce((total, info) => total + Number(info.get(field) ?? 0), 0);
  return {
    connected: true,
    usedMemoryBytes: sum("used_memory"),
    clients: sum("connected_clients"),
    evictionPolicy: infos[0]?.get("maxmemory_policy") ?? null,
    maxMemoryBytes: sum("maxmemory"),
    evictedKeys: sum("evicted_keys"),
  };
}

function parse(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

function withDeadline<T>(promise: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new StoreUnavailableError({ operation: "info", reason: "timeout" })),
      deadlineMs,
    );
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
