// One of the processes of torture.redis.test.ts: reads through, or writes and invalidates, as fast as it may.

import { setTimeout as sleep } from "node:timers/promises";
import { CacheError, createCache, track } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { serveWorker } from "@crm/testkit";
import { Redis } from "ioredis";
import { createCacheInvalidator } from "../../src/index.ts";
import { tableRules } from "../support/rules.ts";

/** Where the cache is: options of `redisStore`. */
const [mode = "rules", target = "{}", sourceUrl = ""] = process.argv.slice(2);
const COMPANIES = 12;
const store = redisStore({ ...JSON.parse(target), commandTimeout: "150ms", invalidationTimeout: "400ms" });
const cache = createCache({ store, namespace: "torture", leaseTtl: "1s" });
const invalidator = createCacheInvalidator(cache, {
  rules: mode === "dependencies" ? {} : tableRules,
  dependencies: mode === "dependencies" ? "only" : "off",
});
/** The database, and what is known to be acknowledged: on a server that is left alone. */
const source = new Redis(sourceUrl);

/** The control: the row is cached by get → fetch → set, and deleted by hand. */
const plain = new Redis(JSON.parse(target).url ?? sourceUrl, {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
});
plain.on("error", () => {});

interface Tally {
  reads: number;
  stale: string[];
  acknowledged: number;
  pending: number;
}

async function fetchRow(id: string): Promise<{ version: number }> {
  if (mode === "dependencies") track("companies", id);
  await sleep(Math.random() * 3);
  const version = Number((await source.hget("rows", id)) ?? 0);
  await sleep(Math.random() * 8);
  return { version };
}

async function read(id: string): Promise<{ version: number }> {
  const key = mode === "dependencies" ? `page:${id}` : `companies:${id}`;
  if (mode !== "plain") return cache.getOrSet(key, () => fetchRow(id), { ttl: "60s", staleTtl: "60s" });
  const text = await plain.get(key).catch(() => null);
  if (text !== null) return JSON.parse(text) as { version: number };
  const row = await fetchRow(id);
  await plain.set(key, JSON.stringify(row), "PX", 60_000).catch(() => {});
  return row;
}

async function invalidate(id: string): Promise<boolean> {
  if (mode === "plain") {
    return plain.del(`companies:${id}`).then(
      () => true,
      () => false,
    );
  }
  try {
    await invalidator.invalidateOnUpdate("companies", id);
    return true;
  } catch (error) {
    if (!CacheError.isInstance(error)) throw error;
    return false;
  }
}

serveWorker({
  async run({ ms, writer }: { ms: number; writer: boolean }): Promise<Tally> {
    const tally: Tally = { reads: 0, stale: [], acknowledged: 0, pending: 0 };
    const until = Date.now() + ms;
    const someone = (): string => String(Math.floor(Math.random() * COMPANIES));
    const reading = async (): Promise<void> => {
      while (Date.now() < until) {
        const id = someone();
        const floor = Number((await source.hget("floors", id)) ?? 0);
        const { version } = await read(id);
        tally.reads++;
        if (version < floor) tally.stale.push(`${id}: ${version} after ${floor}`);
        await sleep(Math.random() * 4);
      }
    };
    const writing = async (): Promise<void> => {
      while (Date.now() < until) {
        const id = someone();
        const version = await source.hincrby("rows", id, 1);
        if (await invalidate(id)) {
          // Acknowledged: whoever begins to read from now on must not see less.
          await source.eval(
            "if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end",
            1,
            "floors",
            id,
            version,
          );
          tally.acknowledged++;
        } else tally.pending++;
        await sleep(Math.random() * 25);
      }
    };
    await Promise.all([reading(), reading(), reading(), ...(writer ? [writing()] : [])]);
    return tally;
  },
  async settled(): Promise<boolean> {
    return mode === "plain" || (await cache.getStats()).pendingInvalidations === 0;
  },
  /** Once everything is quiet: what is cached is what the source has. */
  async inspect(): Promise<string[]> {
    const left: string[] = [];
    for (let id = 0; id < COMPANIES; id++) {
      const { version } = await read(String(id));
      const now = Number((await source.hget("rows", String(id))) ?? 0);
      if (version !== now) left.push(`${id}: ${version}, source ${now}`);
    }
    return left;
  },
});
