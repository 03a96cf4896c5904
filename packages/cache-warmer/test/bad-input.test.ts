import { type Cache, createCache, memoryStore } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CacheWarmer, createCacheWarmer, readinessHandler, showProgress } from "../src/index.ts";

describe("bad input", () => {
  let cache: Cache;
  let warmer: CacheWarmer;
  beforeEach(() => {
    cache = createCache({ store: memoryStore() });
    warmer = createCacheWarmer(cache);
  });
  afterEach(async () => {
    await warmer.close();
    await cache.close();
  });

  const fetcher = (): number => 1;
  const batchFetcher = async (): Promise<number[]> => [];
  const keys = (): string[] => [];

  it("is refused before anything is changed, with what was expected and what came", async () => {
    const messages: string[] = [];
    const calls: [string, () => unknown][] = [
      ["no cache", () => createCacheWarmer({} as never)],
      ["options", () => createCacheWarmer(cache, [] as never)],
      ["maxParallel", () => createCacheWarmer(cache, { maxParallel: 0 })],
      ["timeout", () => createCacheWarmer(cache, { timeout: "soon" as never })],
      ["retries", () => createCacheWarmer(cache, { retries: -1 })],
      ["leaseTtl", () => createCacheWarmer(cache, { leaseTtl: "100ms" })],
      ["tolerance", () => createCacheWarmer(cache, { limiter: { tolerance: 1 } })],
      ["min and initial", () => createCacheWarmer(cache, { limiter: { min: 4, initial: 2 } })],
      ["window", () => createCacheWarmer(cache, { limiter: { window: "1ms" } })],
      ["top", () => createCacheWarmer(cache, { hotKeys: { top: 0 } })],
      ["remembered", () => createCacheWarmer(cache, { hotKeys: { remembered: 9_999 } })],
      ["no task", () => warmer.register(undefined as never)],
      ["no key", () => warmer.register({ fetcher } as never)],
      ["control character", () => warmer.register({ key: "a\u0001", fetcher })],
      ["no fetcher", () => warmer.register({ key: "a", fetcher: 1 as never })],
      ["ttl", () => warmer.register({ key: "a", fetcher, ttl: -5 })],
      ["priority", () => warmer.register({ key: "a", fetcher, priority: 11 })],
      ["priority, no whole number", () => warmer.register({ key: "a", fetcher, priority: 1.5 })],
      ["category", () => warmer.register({ key: "a", fetcher, category: "" })],
      ["dependsOn", () => warmer.register({ key: "a", fetcher, dependsOn: "b" as never })],
      ["entry", () => warmer.register({ key: "a", fetcher, entry: 1 as never })],
      ["tasks", () => warmer.registerBatch({} as never)],
      ["second of a batch", () => warmer.registerBatch([{ key: "a", fetcher }, { key: "" } as never])],
      ["family", () => warmer.registerFamily(null as never)],
      ["keys", () => warmer.registerFamily({ name: "f", batchFetcher } as never)],
      ["batchFetcher", () => warmer.registerFamily({ name: "f", keys } as never)],
      ["batchSize", () => warmer.registerFamily({ name: "f", keys, batchFetcher, batchSize: 0 })],
      ["parallel", () => warmer.warmAll({ parallel: "yes" as never })],
      ["signal", () => warmer.warmAll({ signal: {} as never })],
      ["maxAge", () => warmer.warmAll({ maxAge: -1 })],
      ["category of a run", () => warmer.warmCategory("\u0001")],
      ["seconds", () => warmer.warmExpiringSoon(0)],
      ["seconds, no number", () => warmer.warmExpiringSoon("60" as never)],
      ["readyAt", () => warmer.performStartupWarming({ readyAt: 0 })],
      ["deadline", () => warmer.performStartupWarming({ deadline: 0 })],
      ["minutes", () => warmer.startBackgroundWarming(0)],
      ["minutes and cron", () => warmer.startBackgroundWarming({ minutes: 1, cron: "* * * * *" })],
      ["cron", () => warmer.startBackgroundWarming({ cron: "every day" })],
      ["cron that never comes", () => warmer.startBackgroundWarming({ cron: "0 0 30 2 *" })],
      ["timezone", () => warmer.startBackgroundWarming({ cron: "* * * * *", timezone: "Mars/Base" })],
      ["no schedule", () => warmer.startBackgroundWarming(undefined as never)],
      ["unknown option", () => createCacheWarmer(cache, { maxParalel: 3 } as never)],
      ["unknown option of the limiter", () => createCacheWarmer(cache, { limiter: { windw: 1 } as never })],
      ["unknown option of hot keys", () => createCacheWarmer(cache, { hotKeys: { tops: 1 } as never })],
      ["unknown setting", () => warmer.register({ key: "a", fetcher, prority: 9 } as never)],
      ["unknown option of a run", () => warmer.warmAll({ readyAt: 3 } as never)],
      ["a Date for options", () => warmer.warmAll(new Date(0) as never)],
      ["signal of a schedule", () => warmer.startBackgroundWarming({ minutes: 1, signal: 1 } as never)],
      ["timezone, no text", () => warmer.startBackgroundWarming({ cron: "* * * * *", timezone: 5 as never })],
      ["timezone, empty", () => warmer.startBackgroundWarming({ cron: "* * * * *", timezone: "" })],
      ["timezone of minutes", () => warmer.startBackgroundWarming({ minutes: 1, timezone: "UTC" })],
      ["hole in a batch", () => warmer.registerBatch(new Array(1))],
      ["tags", () => warmer.register({ key: "a", fetcher, entry: { tags: "b" as never } })],
      ["one of the tags", () => warmer.register({ key: "a", fetcher, entry: { tags: [""] } })],
      ["staleTtl", () => warmer.register({ key: "a", fetcher, entry: { staleTtl: "soon" as never } })],
      ["jitter", () => warmer.register({ key: "a", fetcher, entry: { jitter: 7 } })],
      [
        "dependsOn of entries",
        () => warmer.register({ key: "a", fetcher, entry: { dependsOn: "b" as never } }),
      ],
      [
        "unknown option of entries",
        () => warmer.register({ key: "a", fetcher, entry: { tag: [] } as never }),
      ],
      ["listener", () => warmer.on("run:end", 5 as never)],
      ["hotKeys are off", () => warmer.snapshot()],
      ["internals that are none", () => createCacheWarmer({ internals: null } as never)],
      ["hole in dependsOn", () => warmer.register({ key: "a", fetcher, dependsOn: new Array(1) })],
      ["control character in a category", () => warmer.register({ key: "a", fetcher, category: "a\n" })],
      ["probe of no warmer", () => readinessHandler(cache as never)],
      ["progress of no warmer", () => showProgress(undefined as never)],
      ["progress, no options", () => showProgress(warmer, null as never)],
      ["unknown option of progress", () => showProgress(warmer, { width: 80 } as never)],
      ["stream", () => showProgress(warmer, { stream: {} as never })],
      ["kinds", () => showProgress(warmer, { kinds: "all" as never })],
      ["unknown kind", () => showProgress(warmer, { kinds: ["al" as never] })],
    ];
    for (const [what, call] of calls) {
      try {
        await call();
        messages.push(`${what}: accepted`);
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        messages.push(`${what}: ${code}: ${message}`);
      }
    }
    expect(messages).toMatchSnapshot();
    expect(messages.filter((message) => message.endsWith(": accepted"))).toEqual([]);
    expect(warmer.getTasksByCategory()).toEqual({});
    expect((await cache.getStats()).keys).toBe(0);
  });

  it("takes null for no default: only what is left out or undefined is one", async () => {
    const accepted: string[] = [];
    async function refuse(what: string, call: () => unknown): Promise<void> {
      try {
        await call();
        accepted.push(what);
      } catch (error) {
        expect((error as { code: string }).code, what).toMatch(/^INVALID_(OPTION|DURATION)$/);
      }
    }
    const make = ["maxParallel", "timeout", "retries", "retryDelay", "leaseTtl", "storePatience"];
    for (const name of make) await refuse(name, () => createCacheWarmer(cache, { [name]: null }));
    for (const name of ["min", "initial", "window", "tolerance"]) {
      await refuse(`limiter.${name}`, () => createCacheWarmer(cache, { limiter: { [name]: null } }));
    }
    for (const name of ["top", "remembered", "halfLife", "minReads", "maxParallel"]) {
      await refuse(`hotKeys.${name}`, () => createCacheWarmer(cache, { hotKeys: { [name]: null } }));
    }
    for (const name of ["parallel", "maxParallel", "signal", "timeout", "retries", "maxAge"]) {
      await refuse(`${name} of a run`, () => warmer.warmAll({ [name]: null }));
      if (name === "signal") continue;
      const schedule = { minutes: 1, [name]: null };
      await refuse(`${name} of a schedule`, () => warmer.startBackgroundWarming(schedule));
    }
    for (const name of ["readyAt", "deadline"]) {
      await refuse(name, () => warmer.performStartupWarming({ [name]: null }));
    }
    expect(accepted).toEqual([]);
  });
});
