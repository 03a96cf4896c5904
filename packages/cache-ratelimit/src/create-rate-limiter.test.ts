import { createCache, memoryStore } from "@crm/cache-core";
import { createFakeClock } from "@crm/cache-core/testing";
import { expect, it } from "vitest";
import { createRateLimiter } from "./create-rate-limiter.ts";

it("smoke", async () => {
  const clock = createFakeClock();
  const cache = createCache({ store: memoryStore({ clock }), clock });
  for (const algorithm of [
    "fixed-window",
    "sliding-log",
    "sliding-counter",
    "token-bucket",
    "gcra",
  ] as const) {
    const limiter = createRateLimiter(
      cache,
      { r: { limit: 3, window: "1s", algorithm } },
      { name: algorithm },
    );
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push(await limiter.check("u"));
    expect(
      seen.map((r) => r.allowed),
      algorithm,
    ).toEqual([true, true, true, false, false]);
    console.log(algorithm, JSON.stringify(seen[4]));
  }
  const l = createRateLimiter(cache, { r: { limit: 1, window: "1s", algorithm: "gcra" } }, { name: "q" });
  const order: string[] = [];
  const go = (n: string, signal?: AbortSignal) =>
    l.acquire("u", { signal }).then(
      (r) => order.push(`${n}:${r.waited}`),
      () => order.push(`${n}!`),
    );
  const ac = new AbortController();
  go("a");
  go("b");
  go("c", ac.signal);
  go("d");
  await clock.advance(100);
  ac.abort(new Error("x"));
  await clock.advance(10000);
  console.log(order);
  await l.close();
  await cache.close();
});
