import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cache, startApp, type TestApp, USER } from "./start-app.ts";

const { locks } = await import("../src/cache/index.ts");

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

describe("entries", () => {
  it("come in pages, each key once, in order", async () => {
    await cache.setMany(Array.from({ length: 130 }, (_, at) => ({ key: `shelf:${at}`, value: at, ttl: 60 })));
    await cache.set("shelf", 1, 60);
    await cache.scope("acme").set("shelf:0", 1, 60);
    const keys: string[] = [];
    let cursor: string | null = "";
    let pages = 0;
    while (cursor !== null) {
      const { body } = await demo.json(`/api/cache/entries?prefix=shelf:&limit=50&cursor=${cursor}`);
      expect(body.data.total).toBe(130);
      keys.push(...body.data.items.map(({ key }: { key: string }) => key));
      cursor = body.data.next;
      pages++;
    }
    expect(pages).toBe(3);
    expect(keys).toEqual(Array.from({ length: 130 }, (_, at) => `shelf:${at}`).sort());
  });

  it("say what is known of them", async () => {
    await demo.json("/api/companies/konex");
    const { body } = await demo.json("/api/cache/entries?prefix=companies:konex");
    expect(body.data.items[0]).toMatchObject({
      ...{ key: "companies:konex", state: "fresh", leased: false },
      ...{ ttl: expect.any(Number), bytes: expect.any(Number), tags: expect.any(Array) },
    });
  });

  it("a prefix is data, not a glob; one without entries has none", async () => {
    for (const prefix of ["*", "shelf?", "[a-z]", "nothing:"])
      expect((await demo.json(`/api/cache/entries?prefix=${encodeURIComponent(prefix)}`)).body.data).toEqual({
        ...{ items: [], total: 0, next: null },
      });
  });

  it("are removed one by one, by somebody who has signed in", async () => {
    await cache.set("shelf:a:b*/c", 1, 60);
    const path = `/api/cache/entries/${encodeURIComponent("shelf:a:b*/c")}`;
    const anonymous = await demo.json(path, { method: "DELETE", headers: { cookie: "crm-session=0.no" } });
    expect(anonymous.status).toBe(401);
    const removed = await demo.json(path, { method: "DELETE" });
    expect([removed.status, removed.body]).toEqual([200, { data: { key: "shelf:a:b*/c" } }]);
    expect((await demo.json(path, { method: "DELETE" })).status).toBe(404);
    expect(await cache.exists("shelf:1")).toBe(true);
  });
});

it("locks: holder, fence, and how many wait", async () => {
  const before = await demo.json("/api/cache/locks");
  expect(before.body.data).toEqual([]);
  const held = await locks.acquire("months:2017-04", { ttl: "30s" });
  const waiting = locks.acquire("months:2017-04", { ttl: "30s", wait: "20s" });
  const own = await locks.acquire("of:somebody", { ttl: "30s" });
  await expect
    .poll(async () => (await demo.json("/api/cache/locks")).body.data)
    .toMatchObject([
      { name: "months:2017-04", holder: { fence: held.fence, ttl: expect.any(Number) }, waiters: 1 },
      { name: "of:somebody", holder: { fence: own.fence }, waiters: 0 },
    ]);
  expect(JSON.stringify((await demo.json("/api/cache/locks")).body)).not.toContain(held.value);
  await held.release();
  await (await waiting).release();
  await own.release();
});

it("limits: rules, decisions, and where the caller stands", async () => {
  const { body } = await demo.json("/api/cache/limits");
  expect(body.data).toMatchObject([
    {
      name: "api",
      rules: [
        { name: "user", limit: 1_000_000, window: 60 },
        { name: "address", limit: 1_000_000 },
      ],
      decided: { allowed: expect.any(Number), denied: 0 },
      you: { allowed: true, remaining: expect.any(Number) },
    },
    { name: "sign-in", rules: [{ name: "account" }, { name: "address" }], you: null },
  ]);
  const again = await demo.json("/api/cache/limits");
  // Each request counts once: looking at it does not.
  expect(body.data[0].you.remaining - again.body.data[0].you.remaining).toBe(1);
  expect(JSON.stringify(body)).not.toContain(USER);
});

it("rules: what each entity removes, and where the cascade goes", async () => {
  const { data } = (await demo.json("/api/cache/rules")).body;
  expect(data.mode).toBe("dependencies");
  expect(data.entities.find(({ entity }: { entity: string }) => entity === "companies")).toMatchObject({
    patterns: ["companies:*", "companies:list:*", "companies:industries"],
    scoped: false,
  });
  expect(data.relations).toContainEqual({ from: "companies", to: "projects", idFrom: [] });
  expect(data.relations).toContainEqual({
    ...{ from: "deals", to: "company-figures", idFrom: ["companyId", "companyIds"] },
  });
  expect(data.mermaid).toMatch(/^graph LR\n/);
});
