// The samples that users of the CRM's cache already write, as they write them.

import { createCache, memoryStore } from "@crm/cache-core";
import { afterAll, expect, it, vi } from "vitest";
import { createCacheInvalidator, InvalidationEvent } from "../src/index.ts";
import { tableRules } from "./support/rules.ts";

const cache = createCache({ store: memoryStore(), namespace: "crm" });
const cacheInvalidator = createCacheInvalidator(cache, { rules: tableRules });
const { invalidateOnCreate, invalidateOnUpdate, invalidateOnDelete } = cacheInvalidator;
afterAll(async () => {
  await cacheInvalidator.close();
  await cache.close();
});

interface Company {
  id: string;
  name: string;
}
const rows = new Map<string, Company>();
const companyQueries = {
  async create(data: { name: string }): Promise<Company> {
    const company = { id: String(rows.size + 1), ...data };
    rows.set(company.id, company);
    return company;
  },
  async update(id: string, data: { name: string }): Promise<Company> {
    rows.set(id, { id, ...data });
    return { id, ...data };
  },
  async delete(id: string): Promise<void> {
    rows.delete(id);
  },
  findById: async (id: string): Promise<Company | null> => rows.get(id) ?? null,
};

class CompaniesService {
  async getCompanyById(id: string): Promise<Company | null> {
    return cache.getOrSet(`companies:${id}`, () => companyQueries.findById(id), 300);
  }
  async createCompany(data: { name: string }): Promise<Company> {
    const company = await companyQueries.create(data);
    await invalidateOnCreate("companies", company.id);
    return company;
  }
  async updateCompany(id: string, data: { name: string }): Promise<Company> {
    const updated = await companyQueries.update(id, data);
    await invalidateOnUpdate("companies", id, updated);
    return updated;
  }
  async deleteCompany(id: string): Promise<{ id: string }> {
    await companyQueries.delete(id);
    await invalidateOnDelete("companies", id);
    return { id };
  }
}

it("a service sees its own changes", async () => {
  const service = new CompaniesService();
  const { id } = await service.createCompany({ name: "Acme" });
  expect((await service.getCompanyById(id))?.name).toBe("Acme");
  await service.updateCompany(id, { name: "Acme Ltd" });
  expect((await service.getCompanyById(id))?.name).toBe("Acme Ltd");
  await service.deleteCompany(id);
  expect(await service.getCompanyById(id)).toBe(null);
});

it("batch, custom rule, history and statistics", async () => {
  await cacheInvalidator.invalidateBatch(InvalidationEvent.ENTITY_UPDATED, "companies", [
    "id1",
    "id2",
    "id3",
  ]);
  const warn = vi.fn();
  cacheInvalidator.registerRule("custom_entity", {
    patterns: ["custom_entity:*", "custom_entity:list:*"],
    relatedEntities: ["other_entity"],
    customHandler: async (entityId, data) => {
      warn(data);
      await cache.del(`special:${entityId}`);
    },
  });
  await cache.set("special:9", 1, 60);
  await invalidateOnUpdate("custom_entity", "9", { a: 1 });
  expect(await cache.get("special:9")).toBe(null);
  expect(warn).toHaveBeenCalledWith({ a: 1 });

  const history = cacheInvalidator.getHistory(10);
  expect(history[0]).toMatchObject({
    event: "entity:updated",
    entityType: "custom_entity",
    entityId: "9",
    patternsInvalidated: ["custom_entity:*", "custom_entity:list:*", "other_entity:*"],
    keysInvalidated: 0,
  });
  const stats = cacheInvalidator.getStats();
  expect(stats).toEqual({
    totalInvalidations: 7,
    byEvent: { "entity:created": 1, "entity:updated": 5, "entity:deleted": 1 },
    byEntity: { companies: 6, custom_entity: 1 },
    recentInvalidations: 7,
  });
});
