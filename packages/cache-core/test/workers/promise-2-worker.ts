// One of the processes of promise-2-one-fetch.test.ts.

import { setTimeout as sleep } from "node:timers/promises";
import { serveWorker } from "@crm/testkit";
import { Cluster, Redis } from "ioredis";
import type { Cache } from "../../src/cache.ts";
import { createCache } from "../../src/create-cache.ts";
import { redisStore } from "../../src/redis/index.ts";

const [where = "", leaseTtl = "3s"] = process.argv.slice(2);
const target = JSON.parse(where) as { url: string } | { nodes: { host: string; port: number }[] };
const client = "url" in target ? new Redis(target.url) : new Cluster(target.nodes);

export interface Burst {
  readonly key: string;
  readonly callers: number;
  readonly fetchMs: number;
  /** Wall time at which all processes begin. */
  readonly at: number;
  /** A new cache on a new connection, made in the moment of its first call. */
  readonly cold: boolean;
}

export interface BurstResult {
  /** What the callers got, without repetitions. */
  readonly values: readonly string[];
  readonly fetches: number;
  /** When this process began to fetch, as wall time. */
  readonly fetchedAt: number | undefined;
  readonly revoked: number;
}

function connect(): Cache {
  // A deadline that a busy machine misses is promise 4's business: whoever misses it fetches for itself.
  const commandTimeout = (process.env.PROMISE_2_COMMAND_TIMEOUT ?? "1s") as "1s";
  const where = "url" in target ? { url: target.url } : { nodes: target.nodes };
  const store = redisStore({ ...where, commandTimeout });
  return createCache({ store, namespace: "crm", memory: false, leaseTtl: leaseTtl as "3s" });
}
let warm: Cache | undefined;
function warmed(): Cache {
  warm ??= connect();
  return warm;
}
/** Single flight within the process only: the control. */
const alone = new Map<string, Promise<string>>();

async function fetchRow({ key, fetchMs }: Burst): Promise<string> {
  const count = await client.incr(`fetches:${key}`);
  await sleep(fetchMs);
  return `value ${count} of ${key}`;
}

serveWorker({
  async ready(): Promise<void> {
    await warmed().ready();
    await client.ping();
  },
  async burst(burst: Burst): Promise<BurstResult> {
    await sleep(Math.max(0, burst.at - Date.now()));
    const cache = burst.cold ? connect() : warmed();
    let fetches = 0;
    let fetchedAt: number | undefined;
    const calls = Array.from({ length: burst.callers }, () =>
      cache.getOrSet(
        burst.key,
        () => {
          fetches++;
          fetchedAt = Date.now();
          return fetchRow(burst);
        },
        { ttl: 60, tags: ["rows"] },
      ),
    );
    const values = [...new Set(await Promise.all(calls))];
    const { revokedFills } = await cache.getStats();
    if (burst.cold) await cache.close();
    return { values, fetches, fetchedAt, revoked: revokedFills };
  },
  async uncoordinated(burst: Burst): Promise<BurstResult> {
    await sleep(Math.max(0, burst.at - Date.now()));
    let fetches = 0;
    const read = async (): Promise<string> => {
      const found = await client.get(burst.key);
      if (found !== null) return found;
      let flight = alone.get(burst.key);
      if (flight === undefined) {
        fetches++;
        flight = fetchRow(burst).then(async (value) => {
          await client.set(burst.key, value, "EX", 60);
          return value;
        });
        alone.set(burst.key, flight);
      }
      return flight;
    };
    const values = [...new Set(await Promise.all(Array.from({ length: burst.callers }, read)))];
    return { values, fetches, fetchedAt: undefined, revoked: 0 };
  },
});
