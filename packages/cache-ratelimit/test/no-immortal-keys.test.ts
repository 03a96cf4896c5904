// No key stays for ever, whatever happens. FUZZ_OPERATIONS sets how many there are; the full run is 1,000,000.

import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { seededRandom, startRedis } from "@crm/testkit";
import { expect, test } from "vitest";
import { type Algorithm, createRateLimiter, rateLimitActions } from "../src/index.ts";

const OPERATIONS = Number(process.env.FUZZ_OPERATIONS ?? 20_000);
const SEED = process.env.FUZZ_SEED ?? String(Date.now() % 1_000_000);
const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
const WINDOWS = ["1ms", "0.4ms", "20ms", "999ms", "1m", "400d"] as const;
const SUBJECTS = 40;
const WINDOW = "fxxxxxxxxyyyyyyyyzzzzzzzz";
const BROKEN = ["17", "", WINDOW, `a=25,b=25,c=25;${WINDOW.repeat(3)}`, `a=25;${WINDOW}`, "a=1,b=;"] as const;

test(`0 keys without expiry after ${OPERATIONS} operations of every kind (seed ${SEED})`, async () => {
  await using redis = await startRedis({ control: true });
  const client = await redis.client();
  const cache = createCache({
    store: redisStore({ url: redis.url, commandTimeout: "10s" }),
    namespace: "fuzz",
  }).extend(rateLimitActions());
  await cache.ready();
  const limiters = ALGORITHMS.flatMap((algorithm) =>
    WINDOWS.map((window, i) =>
      createRateLimiter(
        cache,
        {
          a: { limit: 5, window, algorithm },
          b: { limit: 7, window: "30ms" },
          c: { limit: 3, window, algorithm, shadow: true },
        },
        { name: `${algorithm}.${i}`, denyCache: false },
      ),
    ),
  );
  let done = 0;
  let seeded = 0;
  const names = new Set<string>();
  await Promise.all(
    Array.from({ length: 32 }, async (_, lane) => {
      const random = seededRandom(`${SEED}/${lane}`);
      while (done < OPERATIONS) {
        done++;
        const limiter = random.pick(limiters);
        const subject = `u${random.int(0, SUBJECTS)}`;
        const leaving = new AbortController();
        switch (random.int(0, 14)) {
          case 0:
            await limiter.peek(subject);
            break;
          case 1:
            await limiter.refund(subject, random.int(1, 9));
            break;
          case 2:
            await limiter.penalty(subject, random.int(1, 9));
            break;
          case 3:
            await limiter.block(subject, random.pick(WINDOWS));
            break;
          case 4:
            await limiter.unblock(subject);
            break;
          case 5:
            if (random.chance(0.3)) await limiter.reset(subject);
            break;
          case 6: {
            const place = limiter
              .acquire(subject, { maxWait: "50ms", signal: leaving.signal })
              .catch(() => null);
            if (random.chance(0.5)) leaving.abort(new Error("left"));
            await place;
            break;
          }
          case 7: {
            // What somebody else may leave under one of these names.
            // Logs have keys of their own, and so has the window beside them; the others lie in a record.
            const hasRecord = !limiter.name.startsWith("sliding-log");
            const part = hasRecord ? "" : `/${random.pick(["a", "b", "c"])}`;
            const key = `fuzz:1q:${limiter.name}${part}:${subject}`;
            names.add(`${limiter.name} ${subject}`);
            seeded++;
            const other = random.int(0, 3);
            if (other === 0) await client.persist(key);
            else {
              const broken = client.multi().del(key);
              if (other === 1) broken.hset(key, "a", "b");
              else broken.set(key, random.pick(BROKEN));
              await broken.exec();
            }
            break;
          }
          case 8:
            if (random.chance(0.02)) await client.script("FLUSH");
            await cache.checkRateLimit(subject, 3, random.pick(WINDOWS));
            break;
          default:
            await limiter.check(subject, { cost: random.int(1, 3) });
        }
      }
    }),
  );
  // Whoever calls next mends what was broken last.
  for (const name of names) {
    const [limiterName, subject] = name.split(" ") as [string, string];
    await limiters.find((limiter) => limiter.name === limiterName)?.peek(subject);
  }
  const immortal: string[] = [];
  let keys = 0;
  let cursor = "0";
  do {
    const [next, page] = await client.scan(cursor, "MATCH", "fuzz:1q*", "COUNT", 1_000);
    cursor = next;
    for (const key of page) {
      keys++;
      if ((await client.pttl(key)) === -1) immortal.push(key);
    }
  } while (cursor !== "0");
  if (process.env.FUZZ_REPORT !== undefined) {
    process.stderr.write(
      `${JSON.stringify({ seed: SEED, done, seeded, keys, immortal: immortal.length })}\n`,
    );
  }
  expect(immortal).toEqual([]);
  expect(seeded).toBeGreaterThan(OPERATIONS / 30);
  expect(keys).toBeGreaterThan(0);
  await Promise.all(limiters.map((limiter) => limiter.close()));
  await cache.close();
}, 3_600_000);
