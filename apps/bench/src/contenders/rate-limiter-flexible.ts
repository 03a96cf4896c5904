import { Redis } from "ioredis";
import { RateLimiterRedis, RateLimiterUnion } from "rate-limiter-flexible";
import type { Contender } from "../contender.ts";

export const rateLimiterFlexible: Contender = {
  note: "`RateLimiterRedis.consume` over ioredis 5; four limits by `RateLimiterUnion`, which is not atomic; it has no GCRA, so its fixed window stands there; refusals by `inMemoryBlockOnConsumed`",
  open: async ({ port }) => {
    const storeClient = new Redis({ port, host: "127.0.0.1" });
    await storeClient.ping();
    const make = (keyPrefix: string) =>
      new RateLimiterRedis({ storeClient, points: 1_000_000_000, duration: 3_600, keyPrefix });
    const one = make("one");
    const four = new RateLimiterUnion(make("a"), make("b"), make("c"), make("d"));
    const strict = new RateLimiterRedis({
      storeClient,
      points: 1,
      duration: 3_600,
      keyPrefix: "strict",
      inMemoryBlockOnConsumed: 1,
    });
    const tells = (consumed: Promise<unknown>): Promise<boolean> =>
      consumed.then(
        () => true,
        () => false,
      );
    await tells(strict.consume("hot"));
    await tells(strict.consume("hot"));
    return {
      set: async () => {},
      limit: (key, limits) => tells(limits === 1 ? one.consume(key) : four.consume(key)),
      limitSmoothly: (key) => tells(one.consume(key)),
      denied: () => tells(strict.consume("hot")),
      close: async () => storeClient.disconnect(),
    };
  },
};
