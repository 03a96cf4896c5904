import { setImmediate } from "node:timers/promises";
import { createCache, memoryStore, type Store } from "@crm/cache-core";
import { expect, it } from "vitest";
import { createRateLimiter } from "../src/index.ts";

it("a limiter that was closed has given its places up, those that were left just before too", async () => {
  const inner = memoryStore();
  let givenUp = 0;
  const store: Store = {
    ...inner,
    async run(operation, ...rest) {
      // As far away as a server.
      await setImmediate();
      const reply = await inner.run(operation, ...rest);
      if (operation.name === "cancelPlace") givenUp++;
      return reply;
    },
  };
  const cache = createCache({ store });
  const limiter = createRateLimiter(cache, { r: { limit: 1, window: "10m", algorithm: "gcra" } });
  await limiter.check("u");
  const leaving = new AbortController();
  const left = expect(limiter.acquire("u", { maxWait: "1h", signal: leaving.signal })).rejects.toBe("gone");
  const waits = [1, 2].map(() =>
    expect(limiter.acquire("u", { maxWait: "1h" })).rejects.toMatchObject({ code: "RATE_LIMITER_CLOSED" }),
  );
  // One that has not heard yet whether it has a place.
  await limiter.peek("u");
  const last = expect(limiter.acquire("u", { maxWait: "1h" })).rejects.toMatchObject({
    code: "RATE_LIMITER_CLOSED",
  });
  leaving.abort("gone");
  await limiter.close();
  expect(givenUp).toBe(4);
  await Promise.all([left, ...waits, last]);
  await cache.close();
});
