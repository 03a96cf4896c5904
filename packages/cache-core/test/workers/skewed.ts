// A process whose wall clock is wrong by as much as its second argument says.

import { serveWorker } from "@crm/testkit";

const [url, skew] = process.argv.slice(2);
const RightDate = Date;
const now = (): number => RightDate.now() + Number(skew);
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const { createCache } = await import("../../src/index.ts");
const { redisStore } = await import("../../src/redis/index.ts");
const cache = createCache({ store: redisStore({ url }), namespace: "p10", memory: true });

serveWorker({
  now: () => Date.now(),
  set: ({ key, value, ttl, staleTtl }: { key: string; value: string; ttl: string; staleTtl: string }) =>
    cache.set(key, value, { ttl: ttl as "1s", staleTtl: staleTtl as "1s" }),
  get: (key: string) => cache.get(key),
  lookup: (key: string) => cache.lookup(key),
  invalidateByTag: (tag: string) => cache.invalidateByTag(tag),
  fill: ({ key, value, takes, tags }: { key: string; value: string; takes: number; tags: string[] }) =>
    cache.getOrSet(
      key,
      async () => {
        await new Promise((resolve) => setTimeout(resolve, takes));
        return value;
      },
      { ttl: "10s", tags },
    ),
});
