import { join } from "node:path";
import { runProgram } from "@crm/testkit";
import { expect, it } from "vitest";
import { holdProcess } from "./hold-process.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

it("keeps one timer for all holders, until the last has let go", () => {
  const before = timers();
  const first = holdProcess();
  const second = holdProcess();
  expect(timers()).toBe(before + 1);
  first();
  first();
  expect(timers()).toBe(before + 1);
  second();
  expect(timers()).toBe(before);
});

const FOLDER = join(import.meta.dirname, "..");
const PRELUDE = `
  import { createCache, memoryStore } from "@crm/cache-core";
  const cache = createCache({ store: memoryStore() });
  const hangs = () => new Promise(() => {});
`;

it.each([
  ["a fetcher that hangs", 'cache.getOrSet("a", hangs, { hardTimeout: "50ms" })'],
  ["a batch fetcher that hangs", 'cache.getOrSetMany(["a"], hangs, { hardTimeout: "50ms" })'],
])("a program that awaits %s hears of its time limit", async (_, call) => {
  const printed = await runProgram(
    `${PRELUDE} try { await ${call}; } catch (error) { console.log(error.code); }`,
    FOLDER,
  );
  expect(printed).toBe("FETCH_TIMEOUT\n");
});

it("a refresh in the background, whose time limit nobody awaits, holds up no end", async () => {
  const printed = await runProgram(
    `${PRELUDE}
    await cache.set("a", 1, { ttl: "10ms", staleTtl: 60 });
    await new Promise((resolve) => setTimeout(resolve, 30));
    const began = performance.now();
    console.log(await cache.getOrSet("a", hangs, { hardTimeout: 60 }));
    process.on("exit", () => console.log(performance.now() - began < 5_000));`,
    FOLDER,
  );
  expect(printed).toBe("1\ntrue\n");
});
