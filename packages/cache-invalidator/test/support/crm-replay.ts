// A small CRM over real data, what is cached of it, and a replay of reads and writes.

import { readFileSync } from "node:fs";
import { type Cache, createCache, memoryStore, track } from "@crm/cache-core";
import { type SeededRandom, seededRandom } from "@crm/testkit";
import { createCacheInvalidator, type EntityEventInput, type EntityRules } from "../../src/index.ts";

interface Fixture {
  readonly companies: [name: string, sector: string][];
  readonly users: string[];
  readonly deals: [company: number, user: number, stage: number, value: number][];
}

export interface ReplayResult {
  readonly reads: number;
  readonly writes: number;
  readonly hitRate: number;
  /** Entries removed by all writes. */
  readonly removed: number;
  /** Cached entries whose value was another one after the write. */
  readonly dependent: number;
  readonly stale: number;
}

const PAGE = 20;

/** The tables, and the queries over them: each says what it reads. */
class Source {
  readonly companies: { name: string; sector: string }[];
  readonly users: { name: string }[];
  readonly deals: { company: number; user: number; stage: number; value: number }[];

  constructor({ companies, users, deals }: Fixture) {
    this.companies = companies.map(([name, sector]) => ({ name, sector }));
    this.users = users.map((name) => ({ name }));
    this.deals = deals.map(([company, user, stage, value]) => ({ company, user, stage, value }));
  }

  /** Everything that is cached, by key. A list is an entity of its own: rows may come to it. */
  queries(): Map<string, () => unknown> {
    const queries = new Map<string, () => unknown>();
    const deal = (id: number) => {
      track("deals", id);
      return this.deals[id];
    };
    const company = (id: number) => {
      track("companies", id);
      return this.companies[id];
    };
    const page = <T>(order: string, rows: number, number: number, read: (id: number) => T): T[] => {
      track(order, "all");
      const ids = Array.from({ length: PAGE }, (_, i) => rows - 1 - number * PAGE - i).filter(
        (id) => id >= 0,
      );
      return ids.map(read);
    };
    this.companies.forEach((_, id) => {
      queries.set(`companies:${id}`, () => company(id));
      queries.set(`companies:${id}:deals`, () => {
        track("deals-of-company", id);
        return this.deals.filter((row) => row.company === id).map(({ stage, value }) => [stage, value]);
      });
    });
    this.users.forEach((_, id) => {
      queries.set(`users:${id}`, () => {
        track("users", id);
        return this.users[id];
      });
      queries.set(`deals:list:user:${id}`, () => {
        track("deals-of-user", id);
        return this.deals.filter((row) => row.user === id).map(({ stage, value }) => [stage, value]);
      });
    });
    for (let id = 0; id < 1_500; id++) queries.set(`deals:${id}`, () => deal(id));
    for (let n = 0; n * PAGE < this.companies.length; n++) {
      queries.set(`companies:list:${n}`, () => page("companies-order", this.companies.length, n, company));
    }
    for (let n = 0; n < 60; n++) {
      queries.set(`deals:list:${n}`, () => page("deals-order", this.deals.length, n, deal));
    }
    queries.set("companies:industries", () => {
      track("sectors", "all");
      return [...new Set(this.companies.map(({ sector }) => sector))];
    });
    queries.set("deals:stats", () => {
      track("deals");
      return [0, 1, 2, 3].map((stage) => {
        const rows = this.deals.filter((row) => row.stage === stage);
        return [rows.length, rows.reduce((sum, { value }) => sum + value, 0)];
      });
    });
    return queries;
  }

  /** One write, and the events that the service sends for it. */
  write(random: SeededRandom): EntityEventInput[] {
    const kind = random.int(0, 99);
    const event = "entity:updated" as const;
    if (kind < 15) {
      const entityId = random.int(0, this.companies.length - 1);
      (this.companies[entityId] as { name: string }).name += "'";
      return [
        { event, entityType: "companies", entityId, data: { dealIds: [], projectIds: [], contactIds: [] } },
      ];
    }
    if (kind < 20) {
      const entityId = random.int(0, this.users.length - 1);
      (this.users[entityId] as { name: string }).name += "'";
      return [{ event, entityType: "users", entityId }];
    }
    const isNew = kind < 25;
    if (isNew) {
      const [company, user] = [
        random.int(0, this.companies.length - 1),
        random.int(0, this.users.length - 1),
      ];
      this.deals.push({ company, user, stage: 0, value: 0 });
    }
    const entityId = isNew ? this.deals.length - 1 : random.int(0, this.deals.length - 1);
    const row = this.deals[entityId] as Source["deals"][number];
    row.stage = (row.stage + 1) % 4;
    row.value += random.int(1, 500);
    const data = { companyId: row.company, quoteIds: [], contactIds: [] };
    return [
      { event: isNew ? "entity:created" : event, entityType: "deals", entityId, data },
      { event, entityType: "deals-of-company", entityId: row.company },
      { event, entityType: "deals-of-user", entityId: row.user },
      ...(isNew ? [{ event, entityType: "deals-order", entityId: "all" }] : []),
    ];
  }
}

const LISTS = ["deals-of-company", "deals-of-user", "deals-order", "companies-order", "sectors"];

/** Reads by Zipf's law over all that can be cached, and one write in twenty. */
export async function replay(
  rules: EntityRules,
  dependencies: "off" | "only",
  operations: number,
  seed: string,
): Promise<ReplayResult> {
  const fixture = JSON.parse(
    readFileSync(new URL("../fixtures/crm.json", import.meta.url), "utf8"),
  ) as Fixture;
  const random = seededRandom(seed);
  const source = new Source(fixture);
  const queries = source.queries();
  const keys = random.shuffle([...queries.keys()]);
  const cache: Cache = createCache({ store: memoryStore(), namespace: "replay" });
  const lists = Object.fromEntries(LISTS.map((list) => [list, { patterns: [] }]));
  const invalidator = createCacheInvalidator(cache, {
    rules: { ...rules, ...lists },
    dependencies,
    history: { tracedKeys: 0 },
  });
  const weights: number[] = [];
  let total = 0;
  keys.forEach((_, rank) => {
    total += 1 / (rank + 1);
    weights.push(total);
  });
  const pick = (): string => {
    const at = random.next() * total;
    let [low, high] = [0, keys.length - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((weights[middle] as number) < at) low = middle + 1;
      else high = middle;
    }
    return keys[low] as string;
  };
  const text = (value: unknown): string => JSON.stringify(value ?? null);
  const cached = new Map<string, string>();
  const result = { reads: 0, writes: 0, hits: 0, removed: 0, dependent: 0, stale: 0 };
  for (let n = 0; n < operations; n++) {
    if (random.chance(0.05)) {
      result.writes++;
      const events = source.write(random);
      for (const [key, was] of cached) {
        if (text(queries.get(key)?.()) !== was) result.dependent++;
      }
      result.removed += (await invalidator.apply(events)).keysInvalidated;
      const left = await cache.getMany([...cached.keys()]);
      [...cached.keys()].forEach((key, i) => {
        if (left[i] === null) cached.delete(key);
      });
      continue;
    }
    result.reads++;
    const key = pick();
    const query = queries.get(key) as () => unknown;
    let fetched = false;
    const value = await cache.getOrSet(
      key,
      () => {
        fetched = true;
        return structuredClone(query());
      },
      "1h",
    );
    if (!fetched) result.hits++;
    const now = text(query());
    if (text(value) !== now) result.stale++;
    cached.set(key, text(value));
  }
  await invalidator.close();
  await cache.close();
  const { reads, writes, hits, removed, dependent, stale } = result;
  return { reads, writes, hitRate: hits / reads, removed, dependent, stale };
}
