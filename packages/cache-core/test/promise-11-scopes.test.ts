// Promise 11: who does not belong stays out. Names of tenants, keys and tags are data, never globs.

import "@crm/testkit/setup-guards";
import { type SeededRandom, seededRandom, startRedis, startRedisCluster, waitFor } from "@crm/testkit";
import { describe, expect, test } from "vitest";
import { type Cache, createCache, escapeGlob, memoryStore, type Store } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const FULL = process.env.PROMISE_FULL === "1";
const PIECES = [
  ..."ab*?[]\\:{}^-!.,|/ ",
  "**",
  "[a-z]",
  "{a}",
  "a:b",
  "š",
  "ł",
  "日本",
  "😀",
  "é",
  "\u00ff",
  "\u2028",
  "€",
  "\\*",
];

function name(random: SeededRandom, used: Set<string>): string {
  for (;;) {
    const text = Array.from({ length: random.int(1, 6) }, () => random.pick(PIECES)).join("");
    if (used.has(text)) continue;
    used.add(text);
    return text;
  }
}

async function fuzz(store: Store, names: number, batch: number): Promise<{ names: number; wrong: string[] }> {
  const random = seededRandom(11);
  const used = new Set<string>();
  const wrong: string[] = [];
  const root = createCache({ store, namespace: "p11" });
  await waitFor(() => root.set("probe", 1));
  await root.clear();
  let done = 0;
  while (done < names) {
    // A batch of tenants at a time: each writes, each is checked against all others.
    await root.clear();
    const tenants = Array.from({ length: batch }, () => name(random, used));
    done += batch;
    const keys = Array.from({ length: 3 }, () => name(random, new Set()));
    const tags = [name(random, new Set()), "common"];
    const scopes = tenants.map((tenant) => root.scope(tenant));
    const inner = scopes[0]!.scope(tenants[1] as string);
    const everybody: [string, Cache][] = [
      ...tenants.map((tenant, i): [string, Cache] => [tenant, scopes[i] as Cache]),
      [`${tenants[0]} > ${tenants[1]}`, inner],
      ["", root],
    ];
    const distinct = new Set(keys).size;
    const fill = (who: string, cache: Cache) =>
      cache.setMany([...new Set(keys)].map((key) => ({ key, value: who, ttl: "60s", tags })));
    for (const [who, cache] of everybody) await fill(who, cache);
    const look = async (about: string, gone: ReadonlySet<string>): Promise<void> => {
      for (const [who, cache] of everybody) {
        const values = await cache.getMany<string>([...new Set(keys)]);
        for (const value of values) {
          if (gone.has(who) ? value !== null : value !== who) {
            wrong.push(`${about}: ${JSON.stringify(who)} reads ${JSON.stringify(value)}`);
          }
        }
      }
    };
    await look("written", new Set());
    const victim = random.int(1, batch - 1);
    const [victimName, victimCache] = everybody[victim] as [string, Cache];
    // Counted: its own entries only.
    const counted = (await victimCache.getStats()).keys;
    if (counted !== distinct) wrong.push(`${JSON.stringify(victimName)} counts ${counted}`);
    const ways: [string, () => Promise<number>][] = [
      ["clear", () => victimCache.clear()],
      ["pattern *", () => victimCache.invalidatePattern("*")],
      ["tag", () => victimCache.invalidateByTag(random.pick(tags))],
      ["del", () => victimCache.del(...new Set(keys))],
      [
        "patterns of exact names",
        async () => {
          let sum = 0;
          for (const key of new Set(keys)) sum += await victimCache.invalidatePattern(escapeGlob(key));
          return sum;
        },
      ],
    ];
    const [way, act] = random.pick(ways);
    const removed = await act();
    if (removed !== distinct)
      wrong.push(`${way} by ${JSON.stringify(victimName)} removed ${removed} of ${distinct}`);
    await look(`${way} by ${JSON.stringify(victimName)}`, new Set([victimName]));
    // A tenant's patterns, made of others' names, of separators and of globs, reach nobody else.
    await fill(victimName, victimCache);
    for (const pattern of [tenants[0] as string, `*${tenants[2]}*`, `${tenants[0]}:*`]) {
      try {
        await victimCache.invalidatePattern(pattern);
      } catch {
        // Not a pattern: refused, which is as good.
      }
    }
    await victimCache.clear();
    await look("globs", new Set([victimName]));
    // The root's patterns and tags are for its own keys: a scope is not in the way of its names.
    if (way === "pattern *") {
      await root.invalidatePattern("*");
      await look("pattern * at the root", new Set([victimName, ""]));
    }
  }
  await root.clear();
  await root.close();
  return { names: used.size, wrong };
}

describe("fuzzed names", () => {
  test("memory store: 10,000 names", async () => {
    const { names, wrong } = await fuzz(memoryStore(), 10_000, 20);
    expect(names).toBeGreaterThanOrEqual(10_000);
    expect(wrong.slice(0, 10), `${wrong.length} in all`).toEqual([]);
  }, 120_000);

  test("Redis", async () => {
    await using redis = await startRedis({ control: true });
    const store = redisStore({ url: redis.url, commandTimeout: "1s", invalidationTimeout: "5s" });
    const { names, wrong } = await fuzz(store, FULL ? 10_000 : 1_000, 20);
    expect(names).toBeGreaterThanOrEqual(FULL ? 10_000 : 1_000);
    expect(wrong.slice(0, 10), `${wrong.length} in all`).toEqual([]);
  }, 300_000);

  test("Cluster", async () => {
    await using cluster = await startRedisCluster();
    const store = redisStore({
      nodes: cluster.startupNodes,
      commandTimeout: "1s",
      invalidationTimeout: "5s",
    });
    const { names, wrong } = await fuzz(store, FULL ? 10_000 : 400, 20);
    expect(names).toBeGreaterThanOrEqual(400);
    expect(wrong.slice(0, 10), `${wrong.length} in all`).toEqual([]);
  }, 300_000);

  test("control: a prefix that takes names for globs lets a tenant reach another", async () => {
    const keys = ["a*:secret", "ab:secret"];
    const { compileGlob } = await import("../src/glob.ts");
    expect(keys.filter((key) => compileGlob("a*:*").matches(key))).toHaveLength(2);
    expect(keys.filter((key) => compileGlob(`${escapeGlob("a*")}:*`).matches(key))).toHaveLength(1);
  });
});
