// Every code block of the document that users of the CRM's cache have, as a test: the code is theirs, with its imports
// adapted and their own query modules replaced by a table in memory. What a comment of theirs promises is asserted.

import { createCache, silentLogger, storeFromEnv } from "@crm/cache-core";
import { startRedis } from "@crm/testkit";
import { afterAll, beforeEach, describe, expect, expectTypeOf, it, vi } from "vitest";
import { provideCacheSettings } from "../src/cache/settings.ts";
import { type ApiResponse, Errors, successResponse } from "../src/services/api-response.ts";

provideCacheSettings({ env: {}, logger: silentLogger });
const {
  cache,
  cacheInvalidator,
  cacheManager,
  cacheWarmer,
  closeCache,
  InvalidationEvent,
  invalidateOnCreate,
  invalidateOnDelete,
  invalidateOnUpdate,
} = await import("../src/cache/index.ts");

interface Company {
  id: string;
  name: string;
  createdAt: Date;
}
type CreateCompanyRequest = Pick<Company, "name">;
type UpdateCompanyRequest = Partial<CreateCompanyRequest>;

const rows = new Map<string, Company>();
let queries = 0;
const companyQueries = {
  async findById(id: string): Promise<Company | null> {
    queries++;
    return rows.get(id) ?? null;
  },
  async findAll({ page, limit }: { page: number; limit: number }, _filter: object): Promise<Company[]> {
    queries++;
    return [...rows.values()].slice((page - 1) * limit, page * limit);
  },
  async create(data: CreateCompanyRequest): Promise<Company> {
    const company = { id: `c${rows.size + 1}`, createdAt: new Date(1_700_000_000_000), ...data };
    rows.set(company.id, company);
    return company;
  },
  async update(id: string, data: UpdateCompanyRequest): Promise<Company> {
    const company = { ...rows.get(id)!, ...data };
    rows.set(id, company);
    return company;
  },
  async delete(id: string): Promise<void> {
    rows.delete(id);
  },
};
const errorResponse = (code: string, message: string) => ({ success: false, error: { code, message } });
const id = "c1";

/** What is in the cache of each entity: one key by id, one list, one aggregate. */
async function fillAll(): Promise<void> {
  const entities = ["companies", "projects", "tasks", "milestones", "users", "deals", "quotes"];
  const keys = [...entities, "contacts", "leads"].flatMap((entity) => [
    `${entity}:1`,
    `${entity}:2`,
    `${entity}:list:page:1`,
  ]);
  await cache.setMany(keys.map((key) => ({ key, value: key, ttl: 300 })));
}
const isCached = async (...keys: string[]) => (await cache.getMany(keys)).map((value) => value !== null);

beforeEach(async () => {
  await cache.clear();
  rows.clear();
  rows.set(id, { id, name: "Acme", createdAt: new Date(1_700_000_000_000) });
  queries = 0;
});
afterAll(closeCache);

it("Osnovne Cache Operacije", async () => {
  const company = rows.get(id)!;
  {
    // Get
    const company = await cache.get<Company>(`companies:${id}`);
    expect(company).toBeNull();
    expectTypeOf(company).toEqualTypeOf<Company | null>();
  }
  // Set
  await cache.set(`companies:${id}`, company, 300);
  expect(await cache.get(`companies:${id}`)).toEqual(company);
  expect((await cache.lookup(`companies:${id}`))!.ttl).toBeGreaterThan(299);

  // Delete
  await cache.del(`companies:${id}`);
  expect(await cache.exists(`companies:${id}`)).toBe(false);

  // Pattern invalidation
  await fillAll();
  await cache.invalidatePattern("companies:list:*");
  expect(await isCached("companies:list:page:1", "companies:1", "users:list:page:1")).toEqual([
    false,
    true,
    true,
  ]);
});

describe("Cache Warming", () => {
  /** What earlier samples have registered: each begins with none. */
  const registered: string[] = [];
  beforeEach(() => {
    for (const key of registered.splice(0)) cacheWarmer.unregister(key);
  });
  const note = (...keys: string[]) => registered.push(...keys);

  function registerOne() {
    note("companies:list:page:1");
    // Registruj jedan task
    cacheWarmer.register({
      key: "companies:list:page:1",
      fetcher: async () => {
        return await companyQueries.findAll({ page: 1, limit: 20 }, {});
      },
      ttl: 300, // 5 minutes
      priority: 9, // 1-10 (10 = highest)
      category: "companies",
    });
  }
  function registerMore() {
    note("users:active", "projects:active");
    const [users, projects] = [async () => ["ann"], async () => ["roof"]];
    // Registruj više task-ova odjednom
    cacheWarmer.registerBatch([
      { key: "users:active", fetcher: users, ttl: 300, priority: 8, category: "users" },
      { key: "projects:active", fetcher: projects, ttl: 300, priority: 7, category: "projects" },
    ]);
  }

  it("Registrovanje Warming Task-ova", async () => {
    registerOne();
    registerMore();
    expect(cacheWarmer.getTasksByCategory()).toEqual({ companies: 1, users: 1, projects: 1 });
    const order: string[] = [];
    const off = cacheWarmer.on("task:start", ({ key }) => void order.push(key));
    await cacheWarmer.warmAll({ parallel: false });
    off();
    expect(order).toEqual(["companies:list:page:1", "users:active", "projects:active"]);
    expect(await cache.get("companies:list:page:1")).toEqual([...rows.values()]);
    expect((await cache.lookup("users:active"))!.ttl).toBeGreaterThan(299);
  });

  it("Pokretanje Warming-a", async () => {
    registerOne();
    registerMore();
    {
      // Startup warming (pokreće se automatski u index.ts)
      const metrics = await cacheWarmer.warmAll({
        parallel: true,
        maxParallel: 5,
      });
      expect(metrics).toMatchObject({ totalTasks: 3, successfulTasks: 3, failedTasks: 0 });
    }
    // Background warming (automatski svaki N minuta)
    cacheWarmer.startBackgroundWarming(30); // svakih 30 minuta
    await cacheWarmer.stopBackgroundWarming();

    // Warming samo za određenu kategoriju
    await cache.clear();
    await cacheWarmer.warmCategory("companies", { parallel: true });
    expect(await isCached("companies:list:page:1", "users:active")).toEqual([true, false]);

    // Refresh cache koji uskoro ističe
    const before = queries;
    await cacheWarmer.warmExpiringSoon(60); // ako TTL < 60s
    expect(queries).toBe(before);
    await cache.set("companies:list:page:1", ["old"], 30);
    await cacheWarmer.warmExpiringSoon(60);
    expect(await cache.get("companies:list:page:1")).toEqual([...rows.values()]);
  });

  it("Metrics", async () => {
    registerOne();
    registerMore();
    note("broken");
    cacheWarmer.register({
      ...{ key: "broken", category: "users", retries: 0 },
      fetcher: () => Promise.reject(new Error("no")),
    });
    await cacheWarmer.warmAll();

    const metrics = cacheWarmer.getMetrics();
    expect(metrics).toMatchObject({
      totalTasks: 4,
      successfulTasks: 3,
      failedTasks: 1,
      totalTime: expect.any(Number),
      startedAt: expect.any(Date),
      completedAt: expect.any(Date),
    });

    const tasksByCategory = cacheWarmer.getTasksByCategory();
    expect(tasksByCategory).toEqual({ companies: 1, users: 2, projects: 1 });
  });

  it("Advanced Patterns: Conditional Warming", async () => {
    const expensiveComputation = vi.fn(async () => 42);
    note("expensive:computation");
    // Warm samo ako cache ne postoji
    cacheWarmer.register({
      key: "expensive:computation",
      fetcher: async () => {
        if (await cache.exists("expensive:computation")) {
          return null; // Skip warming
        }
        return await expensiveComputation();
      },
      ttl: 3600,
      priority: 10,
      category: "critical",
    });
    expect((await cacheWarmer.warmAll()).successfulTasks).toBe(1);
    expect(await cache.get("expensive:computation")).toBe(42);
    const again = await cacheWarmer.warmAll();
    expect([again.successfulTasks, again.skippedTasks, expensiveComputation.mock.calls.length]).toEqual([
      0, 1, 1,
    ]);
    expect(await cache.get("expensive:computation")).toBe(42);
  });

  it("Performance Tips: 1. Koristi parallel warming, 4. Warm before expiry", async () => {
    let [inFlight, most] = [0, 0];
    for (let at = 0; at < 12; at++) {
      note(`reports:${at}`);
      cacheWarmer.register({
        key: `reports:${at}`,
        ttl: 30,
        fetcher: async () => {
          most = Math.max(most, ++inFlight);
          await new Promise((resolve) => setTimeout(resolve, 10));
          inFlight--;
          return at;
        },
      });
    }
    await cacheWarmer.warmAll({ parallel: true, maxParallel: 10 });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(10);

    // Pokreće se automatski u background-u
    const { successfulTasks } = await cacheWarmer.warmExpiringSoon(60); // refresh if TTL < 60s
    expect(successfulTasks).toBe(12);
  });

  it("Monitoring: Warming Metrics", async () => {
    registerOne();
    await cacheWarmer.warmAll();
    const logger = { info: vi.fn() };
    const metrics = cacheWarmer.getMetrics();
    // Logguj metrics za monitoring
    logger.info({ metrics }, "Cache warming metrics");
    expect(() => JSON.stringify(logger.info.mock.calls)).not.toThrow();
    expect(metrics.successfulTasks).toBe(1);
  });
});

describe("Configuration", () => {
  const parse = (block: string) =>
    Object.fromEntries(
      block
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/=(.*)/s).slice(0, 2) as [string, string]),
    );

  it("env: REDIS_URL=redis://localhost:6379", async () => {
    await using redis = await startRedis({ control: true });
    const env = parse("REDIS_URL=redis://localhost:6379");
    // The port of the document may be somebody's: the one of this test stands in for it.
    env.REDIS_URL = String(env.REDIS_URL).replace("localhost:6379", new URL(redis.url).host);
    await expectWorks(env);
  });

  it("env: REDIS_HOST, REDIS_PORT, REDIS_PASSWORD", async () => {
    await using redis = await startRedis({ password: "secret" });
    const env = parse(`
      REDIS_HOST=localhost
      REDIS_PORT=6379
      REDIS_PASSWORD=secret
    `);
    const { hostname, port } = new URL(redis.url);
    await expectWorks({ ...env, REDIS_HOST: hostname, REDIS_PORT: port });
    await expect(
      expectWorks({ ...env, REDIS_HOST: hostname, REDIS_PORT: port, REDIS_PASSWORD: "wrong" }),
    ).rejects.toThrow();
  });

  async function expectWorks(env: Record<string, string>): Promise<void> {
    const other = createCache({ store: storeFromEnv(env, { logger: silentLogger }), namespace: "env" });
    try {
      await other.ready();
      expect(await other.set("companies:1", { name: "Acme" }, 300)).toBe(true);
      expect(await other.get("companies:1")).toEqual({ name: "Acme" });
    } finally {
      await other.close();
    }
  }
});

describe("Cache Invalidation", () => {
  // U service metodi
  const service = {
    // CREATE
    async createCompany(data: CreateCompanyRequest) {
      const company = await companyQueries.create(data);

      // Automatski invalidira sve povezane cache pattern-e
      await invalidateOnCreate("companies", company.id);

      return successResponse(company);
    },

    // UPDATE
    async updateCompany(id: string, data: UpdateCompanyRequest) {
      const updated = await companyQueries.update(id, data);

      // Invalidira company cache + sve povezane entitete
      await invalidateOnUpdate("companies", id, updated);

      return successResponse(updated);
    },

    // DELETE
    async deleteCompany(id: string) {
      await companyQueries.delete(id);

      // Cascade invalidation - briše i povezane entitete
      await invalidateOnDelete("companies", id);

      return successResponse({ id });
    },
  };

  it.each([
    ["createCompany", () => service.createCompany({ name: "New" })],
    ["updateCompany", () => service.updateCompany(id, { name: "Renamed" })],
    ["deleteCompany", () => service.deleteCompany(id)],
  ] as const)("Event-Driven Invalidation (Preporučeno): %s", async (_, write) => {
    await fillAll();
    expect((await write()).success).toBe(true);
    const related = ["companies", "projects", "contacts", "deals"];
    for (const entity of related)
      expect(await isCached(`${entity}:1`, `${entity}:2`, `${entity}:list:page:1`)).toEqual([
        false,
        false,
        false,
      ]);
    // One step of the cascade and no further.
    for (const entity of ["tasks", "milestones", "users", "quotes", "leads"])
      expect(await isCached(`${entity}:1`, `${entity}:2`, `${entity}:list:page:1`)).toEqual([
        true,
        true,
        true,
      ]);
    expect(cacheInvalidator.getHistory(1)[0]).toMatchObject({ entityType: "companies", keysInvalidated: 12 });
  });

  it("Batch Invalidation", async () => {
    await fillAll();
    // Invalidiraj više entiteta odjednom
    await cacheInvalidator.invalidateBatch(InvalidationEvent.ENTITY_UPDATED, "companies", [
      "id1",
      "id2",
      "id3",
    ]);
    expect(await isCached("companies:1", "contacts:1", "users:1")).toEqual([false, false, true]);
    const ids = cacheInvalidator.getHistory(3).map((record) => record.entityId);
    expect(ids.sort()).toEqual(["id1", "id2", "id3"]);
  });

  it("Custom Invalidation Rules", async () => {
    // Registruj custom invalidation rule
    cacheInvalidator.registerRule("custom_entity", {
      patterns: ["custom_entity:*", "custom_entity:list:*"],
      relatedEntities: ["other_entity"],
      customHandler: async (entityId, data) => {
        // Custom invalidation logic
        await cache.del(`special:${entityId}`);
        expect(data).toEqual({ name: "x" });
      },
    });
    const keys = ["custom_entity:7", "custom_entity:list:1", "other_entity:1", "special:7", "special:8"];
    await cache.setMany(keys.map((key) => ({ key, value: 1, ttl: 60 })));
    await invalidateOnUpdate("custom_entity", "7", { name: "x" });
    expect(await isCached(...keys)).toEqual([false, false, false, false, true]);
  });

  it("Invalidation History & Stats", async () => {
    const before = cacheInvalidator.getStats();
    await cache.setMany([
      { key: "companies:123", value: 1, ttl: 60 },
      { key: "companies:list:1", value: 1, ttl: 60 },
    ]);
    await invalidateOnUpdate("companies", "123");
    await invalidateOnCreate("users", "5");

    // Pregledaj history
    const history = cacheInvalidator.getHistory(10); // last 10
    expect(history[1]).toMatchObject({
      timestamp: expect.any(Date),
      event: "entity:updated",
      entityType: "companies",
      entityId: "123",
      patternsInvalidated: expect.arrayContaining(["companies:*", "companies:list:*"]),
      keysInvalidated: 2,
    });
    expect(history[0]).toMatchObject({ event: "entity:created", entityType: "users", entityId: "5" });
    expect(history.length).toBeLessThanOrEqual(10);

    // Statistika
    const stats = cacheInvalidator.getStats();
    expect(stats.totalInvalidations).toBe(before.totalInvalidations + 2);
    expect(stats.recentInvalidations).toBe(before.recentInvalidations + 2); // last hour
    expect(stats.byEvent["entity:updated"]).toBe((before.byEvent["entity:updated"] ?? 0) + 1);
    expect(stats.byEntity.companies).toBe((before.byEntity.companies ?? 0) + 1);
  });
});

it("Stale-While-Revalidate Pattern", async () => {
  const read = async () => {
    const data = await cache.getWithStale(
      "companies:list:page:1",
      async () => {
        // Fetcher function - poziva se samo ako nema cached data
        return await companyQueries.findAll({ page: 1, limit: 20 }, {});
      },
      300, // Fresh TTL - 5 minutes
      600, // Stale TTL - 10 minutes
    );
    return data;
  };
  expect(await read()).toEqual([...rows.values()]); // Ako nema ni stale, fetch-uje direktno
  await read();
  expect(queries).toBe(1);
  const stored = (await cache.lookup("companies:list:page:1"))!;
  expect([Math.round(stored.ttl), Math.round(stored.expiresIn)]).toEqual([300, 600]);

  // Ako fresh nema, vraća stale data odmah; u background-u refresh-uje data
  await cache.invalidate("companies:list:page:1", { soft: true });
  rows.set(id, { ...rows.get(id)!, name: "Renamed" });
  expect((await read())[0]!.name).toBe("Acme");
  await vi.waitFor(async () => expect((await read())[0]!.name).toBe("Renamed"), { timeout: 8_000 });
  expect(queries).toBe(2);
});

it("Rate Limiting", async () => {
  async function handle() {
    // Check rate limit
    const { allowed, remaining, resetIn } = await cache.checkRateLimit(
      "user:123:api",
      100, // limit
      60, // window in seconds
    );

    if (!allowed) {
      return errorResponse("RATE_LIMIT_EXCEEDED", `Try again in ${resetIn}s`);
    }
    return { success: true, remaining };
  }
  for (let call = 1; call <= 45; call++)
    expect(await handle()).toEqual({ success: true, remaining: 100 - call });

  // Get rate limit info
  const info = await cache.getRateLimitInfo("user:123:api", 100);
  expect(info).toEqual({ count: 45, remaining: 55, resetIn: expect.any(Number) });
  expect(info.resetIn).toBeGreaterThan(0);
  expect(info.resetIn).toBeLessThanOrEqual(60);

  for (let call = 46; call <= 100; call++) await handle();
  expect(await handle()).toMatchObject({ success: false, error: { code: "RATE_LIMIT_EXCEEDED" } });
});

it("Distributed Locks", async () => {
  const inside: number[] = [];
  let atOnce = 0;
  async function processInvoice(invoice: number) {
    expect(++atOnce).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    atOnce--;
    inside.push(invoice);
  }
  const log = vi.fn();
  async function run() {
    const lockValue = await cache.acquireLock("process:invoice:123", 30);

    if (lockValue) {
      try {
        // Critical section - samo jedan proces može da izvršava
        await processInvoice(123);
      } finally {
        await cache.releaseLock("process:invoice:123", lockValue);
      }
    } else {
      log("Lock already held by another process");
    }
  }
  await Promise.all([run(), run(), run()]);
  expect([inside.length, log.mock.calls.length]).toEqual([1, 2]);
  await run();
  expect(inside.length).toBe(2);
});

describe("Integracija u Services", () => {
  const CACHE_TTL = 300;
  const CACHE_PREFIX = "companies";

  class CompaniesService {
    async getCompanyById(id: string): Promise<ApiResponse<Company>> {
      // Option 1: Manual cache handling
      const cacheKey = `${CACHE_PREFIX}:${id}`;
      const cached = await cache.get<Company>(cacheKey);
      if (cached) return successResponse(cached);

      const company = await companyQueries.findById(id);
      if (!company) return Errors.NotFound("Company").toResponse();

      await cache.set(cacheKey, company, CACHE_TTL);
      return successResponse(company);
    }

    async getCompanyByIdV2(id: string): Promise<ApiResponse<Company>> {
      // Option 2: Using cacheManager (cleaner)
      const company = await cacheManager.getOrSet(
        `${CACHE_PREFIX}:${id}`,
        () => companyQueries.findById(id),
        CACHE_TTL,
      );

      if (!company) return Errors.NotFound("Company").toResponse();
      return successResponse(company);
    }

    async createCompany(data: CreateCompanyRequest): Promise<ApiResponse<Company>> {
      const company = await companyQueries.create(data);

      // Automatska invalidacija - briše companies:*, companies:list:*, itd.
      await invalidateOnCreate("companies", company.id);

      return successResponse(company);
    }

    async updateCompany(id: string, data: UpdateCompanyRequest): Promise<ApiResponse<Company>> {
      const updated = await companyQueries.update(id, data);

      // Invalidira company + sve list cache-ove + povezane entitete
      await invalidateOnUpdate("companies", id, updated);

      return successResponse(updated);
    }

    async deleteCompany(id: string): Promise<ApiResponse<void>> {
      await companyQueries.delete(id);

      // Cascade invalidation - briše i projects, contacts, deals povezane sa ovom company
      await invalidateOnDelete("companies", id);

      return successResponse(undefined);
    }
  }
  const companiesService = new CompaniesService();

  it.each(["getCompanyById", "getCompanyByIdV2"] as const)(
    "Companies Service sa Event-Driven Invalidation: %s",
    async (read) => {
      const found = await companiesService[read](id);
      expect(found).toEqual({ success: true, data: rows.get(id), write: undefined });
      expect(await companiesService[read](id)).toEqual(found);
      expect(queries).toBe(1);
      expect(await companiesService[read]("nobody")).toMatchObject({ error: { code: "NOT_FOUND" } });

      await companiesService.updateCompany(id, { name: "Renamed" });
      expect(await companiesService[read](id)).toMatchObject({ data: { name: "Renamed" } });

      await companiesService.deleteCompany(id);
      expect(await companiesService[read](id)).toMatchObject({ success: false });

      const created = await companiesService.createCompany({ name: "Next" });
      expect(created).toMatchObject({ success: true, data: { name: "Next" } });
    },
  );
});

it("Tagged Cache Invalidation", async () => {
  const userProfile = { name: "Ann" };
  // Store with tags
  await cacheManager.setWithTags("user:123:profile", userProfile, ["users", "profiles", "user:123"], 300);
  await cacheManager.setWithTags("user:124:profile", userProfile, ["users", "profiles", "user:124"], 300);

  // Invalidate by tag (briše sve sa tim tag-om)
  await cacheManager.invalidateByTag("user:123");
  expect(await isCached("user:123:profile", "user:124:profile")).toEqual([false, true]);
});

it("Multi-Instance Coordination", async () => {
  const received: unknown[] = [];
  const unsubscribe = await cache.subscribe("cache:invalidation", (message) => received.push(message));
  // Automatski published na "cache:invalidation" channel
  await invalidateOnUpdate("companies", id);
  await vi.waitFor(() => expect(received).toHaveLength(1), { timeout: 8_000 });
  expect(received[0]).toMatchObject({
    events: [{ event: "entity:updated", entityType: "companies", entityId: id }],
  });
  await unsubscribe();
});

describe("Performance Tips", () => {
  it("2. Koristi stale-while-revalidate", async () => {
    const key = "popular";
    const fetcher = vi.fn(async () => 42);
    const data = await cache.getWithStale(key, fetcher, 300, 600);
    expect(data).toBe(42);
  });

  it("5. Batch invalidation", async () => {
    const [event, entityType, ids] = [InvalidationEvent.ENTITY_DELETED, "quotes", ["1", "2"]] as const;
    await fillAll();
    await cacheInvalidator.invalidateBatch(event, entityType, ids);
    expect(await isCached("quotes:1", "quotes:2", "deals:1", "users:1")).toEqual([false, false, false, true]);
  });
});

describe("Monitoring", () => {
  it("Cache Stats", async () => {
    await cache.set("companies:1", 1, 60);
    const stats = await cache.getStats();
    expect(stats).toMatchObject({
      connected: true,
      memory: expect.stringMatching(/^[\d.]+[KMG]?B$/),
      clients: expect.any(Number),
      keys: 1,
    });
  });

  it("Invalidation Stats", () => {
    const logger = { info: vi.fn() };
    const stats = cacheInvalidator.getStats();
    logger.info({ stats }, "Cache invalidation stats");
    expect(stats.totalInvalidations).toBeGreaterThan(0);
    expect(() => JSON.stringify(stats)).not.toThrow();
  });
});

describe("Best Practices, Migration Guide", () => {
  it("1. Uvek koristi event-driven invalidation", async () => {
    // ✅ Good
    await fillAll();
    await invalidateOnUpdate("companies", id);
    expect(await isCached("companies:1", "projects:1")).toEqual([false, false]);

    // ❌ Avoid
    await fillAll();
    await cache.invalidatePattern("companies:*");
    expect(await isCached("companies:1", "projects:1")).toEqual([false, true]);
  });

  it("Staro (manual invalidation) i novo (event-driven)", async () => {
    const CACHE_PREFIX = "companies";
    await fillAll();
    await cache.set(`${CACHE_PREFIX}:${id}`, 1, 60);
    await cache.invalidatePattern(`${CACHE_PREFIX}:list:*`);
    await cache.del(`${CACHE_PREFIX}:${id}`);
    const keys = [`${CACHE_PREFIX}:${id}`, "companies:list:page:1", "companies:1", "projects:1"];
    expect(await isCached(...keys)).toEqual([false, false, true, true]);

    await fillAll();
    await cache.set(`${CACHE_PREFIX}:${id}`, 1, 60);
    await invalidateOnUpdate("companies", id);
    // Automatski invalidira sve pattern-e + related entities
    expect(await isCached(...keys)).toEqual([false, false, false, false]);
  });
});

describe("Predefinisane Invalidation Rules", () => {
  const table = {
    companies: ["projects", "contacts", "deals"],
    projects: ["tasks", "milestones", "companies"],
    tasks: ["projects"],
    milestones: ["projects"],
    users: [],
    deals: ["quotes", "companies", "contacts"],
    quotes: ["deals", "companies"],
    contacts: ["companies", "leads"],
    leads: ["contacts"],
  } as const;

  it.each(Object.entries(table))("%s", async (entity, related) => {
    await fillAll();
    await invalidateOnUpdate(entity, "1");
    for (const each of Object.keys(table)) {
      const stays = each !== entity && !(related as readonly string[]).includes(each);
      expect([each, ...(await isCached(`${each}:1`, `${each}:list:page:1`))]).toEqual([each, stays, stays]);
    }
  });

  it("users: session and permissions of that user alone", async () => {
    const keys = ["session:1", "permissions:1", "permissions:1:deals", "session:2", "permissions:2"];
    await cache.setMany(keys.map((key) => ({ key, value: 1, ttl: 60 })));
    const session = await cache.sessions.create("1", {}, "1h");
    await invalidateOnUpdate("users", "1");
    expect(await isCached(...keys)).toEqual([false, false, false, true, true]);
    expect(await cache.sessions.read(session.id)).not.toBeNull();
    await invalidateOnDelete("users", "1");
    expect(await cache.sessions.read(session.id)).toBeNull();
  });
});
