import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startApp, type TestApp } from "./start-app.ts";

let demo: TestApp;
beforeAll(async () => {
  demo = await startApp();
});
afterAll(() => demo.close());

/** The samples by name and labels, as they are sent. */
async function scrape(): Promise<Map<string, number>> {
  const response = await demo.request("/metrics");
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const samples = (await response.text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => /^(\S+?(?:\{.*\})?) (\S+)$/.exec(line))
    .map((match) => [match?.[1] ?? "", Number(match?.[2])] as const);
  return new Map(samples);
}

const reads = (samples: Map<string, number>, template: string, outcome: string) =>
  [...samples]
    .filter(
      ([name]) =>
        name.startsWith("crm_cache_reads_total{") &&
        name.includes(`crm_cache_key_template="${template}"`) &&
        name.includes(`crm_cache_outcome="${outcome}"`),
    )
    .reduce((sum, [, value]) => sum + value, 0);

it("/metrics tells what requests did, by template and never by key", async () => {
  const before = await scrape();
  await demo.json("/api/users/darcel-schlecht");
  await demo.json("/api/companies/konex");
  await demo.json("/api/companies/konex");
  await demo.json("/api/companies/betatech");
  await demo.json("/api/companies?limit=7");
  await demo.send("PATCH", "/api/companies/konex", { employees: 99 });
  const after = await scrape();
  const grown = (template: string, outcome: string) =>
    reads(after, template, outcome) - reads(before, template, outcome);
  expect([grown("companies:{id}", "miss"), grown("companies:{id}", "hit")]).toEqual([2, 1]);
  expect([grown("{entity}:list:*", "miss"), grown("users:{id}", "miss")]).toEqual([1, 1]);
  const invalidations = [...after].find(
    ([name]) => name.startsWith("crm_cache_invalidations_total") && name.includes("applied"),
  );
  expect(invalidations?.[1]).toBeGreaterThan(0);
  expect([...after.keys()].join("\n")).not.toMatch(/konex|betatech|darcel/);
});

it("tells of locks, limits and the store", async () => {
  await demo.json("/api/months/2017-06/close", { method: "POST" });
  const samples = [...(await scrape())];
  const find = (...parts: string[]) =>
    samples.find(([name]) => parts.every((part) => name.includes(part)))?.[1];
  expect(find("crm_cache_locks_total", '"acquired"')).toBe(1);
  expect(find("crm_cache_locks_total", '"released"')).toBe(1);
  expect(find("crm_cache_limit_decisions_total", '"api"', '"allowed"')).toBeGreaterThan(0);
  expect(find("crm_cache_limit_decisions_total", '"sign-in"', '"denied"')).toBe(0);
  expect(find("crm_cache_store_available")).toBe(1);
});

it("has every metric that the documentation of operations asks for, and its dashboard", async () => {
  const names = new Set([...(await scrape()).keys()].map((sample) => sample.replace(/\{.*/, "")));
  const labels = new Set(
    [...(await scrape()).keys()].flatMap((sample) => sample.match(/\bcrm_cache_\w+(?==")/g) ?? []),
  );
  // Told when there was one, or when the cache has an in-process tier: tested where they are made.
  labels.add("crm_cache_reason");
  const seldom = ["entries_rejected_total", "fills_revoked_total", "fetch_waits_total"];
  const ofTheTier = ["memory_coherent", "memory_entries", "memory_flushes_total"];
  for (const name of [...seldom, ...ofTheTier]) names.add(`crm_cache_${name}`);
  for (const file of ["README.md", "grafana-dashboard.json"]) {
    const text = await readFile(new URL(`../../../docs/operations/${file}`, import.meta.url), "utf8");
    const asked = new Set(text.match(/\bcrm_cache_\w+/g));
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !names.has(name) && !labels.has(name))).toEqual([]);
  }
});

it("has at most 200 samples, whatever is asked for", async () => {
  for (const entity of ["contacts", "deals", "leads", "milestones", "projects", "quotes", "tasks", "users"]) {
    const { body } = await demo.json(`/api/${entity}?limit=30`);
    for (const { id } of body.data.items) await demo.json(`/api/${entity}/${id}`);
  }
  for (let page = 1; page <= 40; page++) await demo.json(`/api/companies?q=${page}&limit=${page}`);
  await demo.json("/api/companies/konex");
  await demo.json("/api/analytics/pipeline");
  await demo.json("/api/industries");
  const names = [...(await scrape()).keys()].filter((name) => !name.startsWith("target_info"));
  expect(names.length).toBeGreaterThan(90);
  expect(names.length).toBeLessThanOrEqual(200);
});
