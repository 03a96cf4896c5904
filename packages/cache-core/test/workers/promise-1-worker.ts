// One of the processes of promise-1-stale.test.ts: works through its part of each interleaving.

import { setTimeout as sleep } from "node:timers/promises";
import { serveWorker } from "@crm/testkit";
import { Cluster, Redis } from "ioredis";
import type { Cache } from "../../src/cache.ts";
import { createCache } from "../../src/create-cache.ts";
import type { FetchContext } from "../../src/fetcher.ts";
import type { GetOrSetOptions } from "../../src/options.ts";
import { redisStore } from "../../src/redis/index.ts";
import {
  type BatchResult,
  chance,
  type Interleaving,
  isCurrent,
  isDeleted,
  KEY,
  plan,
  type StaleRead,
  TAG,
} from "../support/promise-1-plan.ts";

type Row = { version: number } | null;
type Tagger = (...tags: string[]) => void;

interface Subject {
  /** Reads through. The fetcher may add tags. */
  read(from: (tag: Tagger) => Promise<Row>): Promise<Row>;
  /** Looks without filling. */
  peek(): Promise<Row | undefined>;
  invalidate(row: Row): Promise<unknown>;
}

const [kind = "cache", where = "", me = "0"] = process.argv.slice(2);
const target = JSON.parse(where) as { url: string } | { nodes: { host: string; port: number }[] };
const client = "url" in target ? new Redis(target.url) : new Cluster(target.nodes);
const index = Number(me);

const store =
  kind === "plain"
    ? undefined
    : redisStore({
        ...("url" in target ? { url: target.url } : { nodes: target.nodes }),
        // Long, for a machine that runs much else at the same time; a timeout is promise 4's business.
        commandTimeout: "2s",
        invalidationTimeout: "5s",
      });
const caches = new Map<string, Cache>();
function cacheOf(namespace: string): Cache {
  let cache = caches.get(namespace);
  if (cache === undefined) {
    if (store === undefined) throw new Error("no store");
    cache = createCache({ store, namespace, memory: false });
    caches.set(namespace, cache);
  }
  return cache;
}

const BASE = { ttl: "10s" } as const;
const OPTIONS: Record<Interleaving["fill"], GetOrSetOptions<Row>> = {
  getOrSet: BASE,
  stale: { ttl: "4ms", staleTtl: "10s" },
  early: { ttl: "200ms", earlyRefresh: 100 },
  force: { ...BASE, forceRefresh: true },
  lease: BASE,
  many: BASE,
};

/** The cache under test. */
function guarded(plan: Interleaving): Subject {
  const { number, invalidation } = plan;
  const key = KEY(number);
  const tag = TAG(number);
  const wholly = invalidation === "clear" && !plan.scoped;
  const home = cacheOf(wholly ? `cleared-${number % 16}` : "main");
  const cache = invalidation === "clear" && plan.scoped ? home.scope(`tenant-${number}`) : home;
  const tags = plan.tagged === "upfront" ? [tag] : undefined;
  const options = {
    ...OPTIONS[plan.fill],
    ...(tags === undefined ? {} : { tags }),
    ...(plan.nullTtl ? { nullTtl: "10s" as const } : {}),
  };
  const fetcher = (from: (tag: Tagger) => Promise<Row>) => (context: FetchContext<Row>) =>
    from(tags === undefined ? context.addTags : () => {});
  return {
    async read(from) {
      if (plan.fill === "lease") {
        const lease = await cache.lease<Row>(key);
        if (lease.value !== undefined) return lease.value;
        const row = await from(() => {});
        if (row === null && !plan.nullTtl) await lease.release();
        else await lease.fill(row, { ttl: "10s", tags: [tag] });
        return row;
      }
      if (plan.fill === "many" && tags !== undefined) {
        const keys = [`${key}:a`, key, `${key}:b`];
        const rows = await cache.getOrSetMany<Row>(
          keys,
          async (missing) => {
            const row = await from(() => {});
            return missing.map((name) => (name === key ? row : { version: 0 }));
          },
          options,
        );
        return rows[1] ?? null;
      }
      return cache.getOrSet<Row>(key, fetcher(from), options);
    },
    async peek() {
      const found = await cache.lookup<Row>(key);
      return found?.value;
    },
    invalidate(row) {
      if (invalidation === "del") return cache.del(key);
      if (invalidation === "tag") return cache.invalidateByTag(tag);
      if (invalidation === "pattern") return cache.invalidatePattern(plan.pattern);
      if (invalidation === "clear") return cache.clear();
      return cache.set(key, row, { ttl: "10s", staleTtl: "10s", tags: [tag] });
    },
  };
}

/** The control: what many write by hand. Every kind of invalidation names the very key, which is the best it can do. */
function plain(plan: Interleaving): Subject {
  const key = `plain:${KEY(plan.number)}`;
  const fill = async (from: (tag: Tagger) => Promise<Row>): Promise<Row> => {
    const row = await from(() => {});
    if (row !== null || plan.nullTtl)
      await client.set(key, JSON.stringify({ row, at: Date.now() }), "PX", 10_000);
    return row;
  };
  return {
    async read(from) {
      const text = plan.fill === "force" ? null : await client.get(key);
      if (text === null) return fill(from);
      const { row, at } = JSON.parse(text) as { row: Row; at: number };
      if (plan.fill === "early" || (plan.fill === "stale" && Date.now() - at > 4)) void fill(from);
      return row;
    },
    async peek() {
      const text = await client.get(key);
      return text === null ? undefined : (JSON.parse(text) as { row: Row }).row;
    },
    async invalidate(row) {
      if (plan.invalidation === "set")
        await client.set(key, JSON.stringify({ row, at: Date.now() }), "PX", 10_000);
      else await client.del(key);
    },
  };
}

let fetches = 0;

/** The part of this process in one interleaving. */
async function play(
  seed: number,
  number: number,
  result: { stale: StaleRead[]; reads: number; refused: number },
) {
  const what = plan(seed, number);
  const random = chance(seed, number, index);
  const subject = kind === "plain" ? plain(what) : guarded(what);
  const source = `db:${number}`;
  const pause = (maxMs: number): Promise<unknown> =>
    random.chance(0.3) ? Promise.resolve() : sleep(random.next() * maxMs);

  async function versionNow(): Promise<number> {
    return what.first + Number((await client.get(source)) ?? 0);
  }
  /** The latest version whose invalidation is known to be acknowledged. */
  async function floorNow(): Promise<number> {
    return Number((await client.zscore("floors", source)) ?? what.first);
  }
  async function fetchRow(tag: Tagger): Promise<Row> {
    fetches++;
    const early = random.chance(0.5);
    if (early) tag(TAG(number));
    await pause(4);
    const version = await versionNow();
    await pause(18);
    if (!early) tag(TAG(number));
    return isDeleted(version) ? null : { version };
  }
  async function check(how: string, floor: number, read: () => Promise<Row | undefined>): Promise<void> {
    const row = await read();
    result.reads++;
    if (row === undefined) return;
    const got = row === null ? null : row.version;
    if (!isCurrent(got, floor, await versionNow())) {
      result.stale.push({ number, process: index, how, got, floor, plan: what });
    }
  }
  const readThrough = (): Promise<Row> => subject.read(fetchRow);

  async function reader(rounds: number, pauseMs: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await pause(pauseMs);
      const floor = await floorNow();
      if (random.chance(0.2)) await check("peek", floor, () => subject.peek());
      else await check("read", floor, readThrough);
    }
  }
  async function writer(): Promise<void> {
    for (let write = 0; write < what.writes; write++) {
      await pause(24);
      const version = what.first + (await client.incr(source));
      await pause(2);
      try {
        await subject.invalidate(isDeleted(version) ? null : { version });
      } catch {
        result.refused++;
        return;
      }
      await client.zadd("floors", "GT", version, source);
      if (random.chance(0.5)) await check("own peek", version, () => subject.peek());
      else await check("own read", version, readThrough);
    }
  }
  await Promise.all([reader(3, 14), ...(what.writer === index ? [writer()] : [reader(2, 25)])]);
}

serveWorker({
  async batch({ seed, from, to }: { seed: number; from: number; to: number }): Promise<BatchResult> {
    const result = { stale: [] as StaleRead[], reads: 0, refused: 0 };
    fetches = 0;
    const numbers = Array.from({ length: to - from }, (_, i) => from + i);
    await Promise.all(numbers.map((number) => play(seed, number, result)));
    return { stale: result.stale, reads: result.reads, fetches, unacknowledged: result.refused };
  },
  /** Once everything is quiet: what is left in the cache. */
  async inspect({ seed, from, to }: { seed: number; from: number; to: number }): Promise<StaleRead[]> {
    const stale: StaleRead[] = [];
    for (let number = from; number < to; number++) {
      const what = plan(seed, number);
      const subject = kind === "plain" ? plain(what) : guarded(what);
      const floor = Number((await client.zscore("floors", `db:${number}`)) ?? what.first);
      const row = await subject.peek();
      if (row === undefined) continue;
      const got = row === null ? null : row.version;
      if (!isCurrent(got, floor, 1_000))
        stale.push({ number, process: index, how: "left", got, floor, plan: what });
    }
    return stale;
  },
  async revoked(): Promise<number> {
    const stats = await Promise.all([...caches.values()].map((cache) => cache.getStats()));
    return stats.reduce((sum, { revokedFills }) => sum + revokedFills, 0);
  },
});
