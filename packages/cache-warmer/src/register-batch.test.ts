import { createCache, memoryStore, silentLogger } from "@crm/cache-core";
import { describe, expect, it } from "vitest";
import { createCacheWarmer } from "./create-cache-warmer.ts";
import { DependencyCycleError } from "./errors.ts";
import type { WarmingTask } from "./warming-task.ts";

const task = (key: string, value: string, more: Partial<WarmingTask> = {}): WarmingTask => ({
  ...{ key, fetcher: () => value, ttl: 60 },
  ...more,
});

/** A warmer that has no task yet, or one. What is registered first, and what comes to it, are registered differently. */
function start(first: readonly WarmingTask[]) {
  const cache = createCache({ store: memoryStore(), logger: silentLogger });
  const warmer = createCacheWarmer(cache);
  const replaced: string[] = [];
  warmer.on("task:replaced", ({ key }) => replaced.push(key));
  for (const each of first) warmer.register(each);
  return { cache, warmer, replaced };
}

describe.each([
  ["the first tasks", []],
  ["tasks beside another", [task("other", "other", { priority: 1 })]],
])("a batch: %s", (_, first) => {
  it("of which a key comes twice has its later task, in its turn", async () => {
    const { cache, warmer, replaced } = start(first);
    const begun: string[] = [];
    const noted = (key: string, value: string) =>
      task(key, value, {
        fetcher: () => {
          begun.push(value);
          return value;
        },
      });
    warmer.registerBatch([noted("a", "a1"), noted("b", "b"), noted("a", "a2"), noted("c", "c")]);
    expect(replaced).toEqual(["a"]);
    const { successfulTasks } = await warmer.warmAll({ maxParallel: 1 });
    expect(successfulTasks).toBe(3 + first.length);
    expect(begun).toEqual(["b", "a2", "c"]);
    expect(await cache.get("a")).toBe("a2");
    await warmer.close();
  });

  it.each([
    ["something that is no task", [task("a", "a"), task("", "b")], Error],
    [
      "a circle",
      [task("a", "a", { dependsOn: ["b"] }), task("c", "c"), task("b", "b", { dependsOn: ["a"] })],
      DependencyCycleError,
    ],
  ])("with %s registers nothing", async (_, list, error) => {
    const { cache, warmer } = start(first);
    expect(() => warmer.registerBatch(list)).toThrow(error);
    expect((await warmer.warmAll()).totalTasks).toBe(first.length);
    // And nothing is left of it that the next one would meet.
    warmer.registerBatch([task("a", "again"), task("c", "again")]);
    expect((await warmer.warmAll()).successfulTasks).toBe(2 + first.length);
    expect(await cache.getMany(["a", "b", "c"])).toEqual(["again", null, "again"]);
    await warmer.close();
  });
});
