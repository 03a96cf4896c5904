// A process that takes locks as it is told. Its wall clock may be wrong by as much as the third argument says.

import { serveWorker } from "@crm/testkit";

const [url, namespace, skew = "0"] = process.argv.slice(2) as [string, string, string?];
const RightDate = Date;
const now = (): number => RightDate.now() + Number(skew);
globalThis.Date = new Proxy(RightDate, {
  construct: (target, args) => (args.length === 0 ? new target(now()) : Reflect.construct(target, args)),
  get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
});

const { createCache } = await import("@crm/cache-core");
const { redisStore } = await import("@crm/cache-core/redis");
const { createFencedValues, createLocks } = await import("../../src/index.ts");
type Lock = import("../../src/index.ts").Lock;
type LockOptions = import("../../src/index.ts").LockOptions;

const cache = createCache({ store: redisStore({ url, commandTimeout: "1s" }), namespace });
const locks = createLocks(cache);
const values = createFencedValues(cache);
const held = new Map<string, Lock>();

process.once("disconnect", () => process.exit(0));

serveWorker({
  async acquire({ name, options }: { name: string; options?: LockOptions }) {
    const lock = await locks.acquire(name, options);
    held.set(name, lock);
    return { fence: lock.fence, value: lock.value };
  },
  /** Waits in the background, for as long as this process lives. */
  enlist: (name: string) => {
    locks.acquire(name, { wait: "1h" }).then(
      (lock) => held.set(name, lock),
      () => {},
    );
  },
  permits: ({ name, permits, ttl }: { name: string; permits: number; ttl: "5s" }) =>
    locks
      .semaphore(name, { permits })
      .tryAcquire({ ttl })
      .then((lock) => lock !== null),
  state: (name: string) => ({ held: held.get(name)?.held, aborted: held.get(name)?.signal.aborted }),
  release: (name: string) => held.get(name)?.release(),
  write: ({ resource, name, value }: { resource: string; name: string; value: unknown }) =>
    values.write(resource, value, held.get(name)!.fence, "1h"),
  block: (ms: number) => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  },
});
