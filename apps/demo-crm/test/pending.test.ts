import { InvalidationPendingError } from "@crm/cache-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { cache, startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => demo.close());

it("a committed write whose invalidation is pending is a success, and says so", async () => {
  const pending = new InvalidationPendingError({ tags: ["companies"] });
  vi.spyOn(cache, "invalidateByTag").mockRejectedValueOnce(pending);
  const written = await demo.send("PATCH", "/api/companies/konex", { employees: 77 });
  expect(written.status).toBe(200);
  expect(written.headers.get("x-cache-invalidation")).toBe("pending");
  expect(written.body).toMatchObject({ data: { employees: 77 }, meta: { cache: "pending", removed: null } });
  expect(demo.logged).toEqual([]);
});

it("another failure of the cache is not mistaken for it, and is told without its details", async () => {
  vi.spyOn(cache, "invalidateByTag").mockRejectedValueOnce(new Error("secret of the server"));
  const written = await demo.send("PATCH", "/api/companies/konex", { employees: 78 });
  expect([written.status, written.body.code]).toEqual([500, "INTERNAL"]);
  expect(JSON.stringify(written.body)).not.toContain("secret");
  expect(demo.logged.join()).toContain("secret of the server");
});
