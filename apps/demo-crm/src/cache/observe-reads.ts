import { AsyncLocalStorage } from "node:async_hooks";
import type { MiddlewareHandler } from "hono";
import { cache } from "./index.ts";

interface ReadCounts {
  hits: number;
  misses: number;
}

/**
 * Says in `x-cache` where the answer of a request came from (`hit`, `miss`, or `hit 1, miss 1` when it took several
 * reads), and in `server-timing` how long it took. Made from the cache's own events, not from guesses.
 */
export function observeReads(): MiddlewareHandler {
  const requests = new AsyncLocalStorage<ReadCounts>();
  const count = (what: keyof ReadCounts) => () => {
    const counts = requests.getStore();
    if (counts) counts[what]++;
  };
  cache.on("entry:hit", count("hits"));
  cache.on("entry:miss", count("misses"));

  return async (c, next) => {
    const counts: ReadCounts = { hits: 0, misses: 0 };
    const startedAt = performance.now();
    await requests.run(counts, next);
    const took = (performance.now() - startedAt).toFixed(3);
    c.header("server-timing", `app;dur=${took}`, { append: true });
    if (counts.hits + counts.misses > 0) c.header("x-cache", describe(counts));
  };
}

function describe({ hits, misses }: ReadCounts): string {
  if (hits + misses === 1) return hits === 1 ? "hit" : "miss";
  return [hits > 0 ? `hit ${hits}` : "", misses > 0 ? `miss ${misses}` : ""].filter(Boolean).join(", ");
}
