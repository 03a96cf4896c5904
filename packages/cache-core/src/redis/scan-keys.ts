import { setTimeout as pause } from "node:timers/promises";
import { escapeGlob } from "../glob.ts";
import type { RedisLike } from "./redis-like.ts";

/** Keys that one `SCAN` call looks at. */
const PAGE = 1_000;

/** Pages through the keys with a literal prefix, on every primary, leaving the server room between pages. */
export async function* scanKeys(client: RedisLike, prefix: string): AsyncIterable<string[]> {
  const pattern = `${escapeGlob(prefix)}*`;
  const nodes = client.isCluster === true ? (client.nodes?.("master") ?? []) : [client];
  for (const node of nodes) {
    let cursor = "0";
    do {
      const [next, keys] = await node.scan(cursor, "MATCH", pattern, "COUNT", PAGE);
      cursor = next;
      if (keys.length > 0) yield keys;
      if (cursor !== "0") await pause(1, undefined, { ref: false });
    } while (cursor !== "0");
  }
}
