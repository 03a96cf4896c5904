import { InvalidationPendingError } from "@crm/cache-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { startApp, type TestApp } from "./start-app.ts";

const { afterCommit } = await import("../src/services/after-commit.ts");
const { companiesService } = await import("../src/services/companies-service.ts");
const { companyQueries } = await import("../src/db/queries/companies.ts");
const { successResponse } = await import("../src/services/api-response.ts");

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => demo.close());

/** The write of a company, whose invalidation then fails. */
function failToInvalidate(error: Error): void {
  vi.spyOn(companiesService, "updateCompany").mockImplementationOnce(async (id, data) => {
    const updated = await companyQueries.update(id, data);
    if (updated === null || updated === "no-parent") throw new Error("no such company");
    return successResponse(updated.after, await afterCommit(() => Promise.reject(error)));
  });
}

it("a committed write whose invalidation is pending is a success, and says so", async () => {
  failToInvalidate(new InvalidationPendingError({ tags: ["companies"] }));
  const written = await demo.send("PATCH", "/api/companies/konex", { employees: 77 });
  expect(written.status).toBe(200);
  expect(written.headers.get("x-cache-invalidation")).toBe("pending");
  expect(written.body).toMatchObject({ data: { employees: 77 }, meta: { cache: "pending", removed: null } });
  expect(demo.logged).toEqual([]);
});

it("another failure of the cache is not mistaken for it, and is told without its details", async () => {
  failToInvalidate(new Error("secret of the server"));
  const written = await demo.send("PATCH", "/api/companies/konex", { employees: 78 });
  expect([written.status, written.body.code]).toEqual([500, "INTERNAL"]);
  expect(JSON.stringify(written.body)).not.toContain("secret");
  expect(demo.logged.join()).toContain("secret of the server");
});
