// Every mistake is an error with a stable code that says what was expected, what came, and what to do, before anything
// is sent.

import { readFileSync } from "node:fs";
import { type Cache, CacheError, createCache, memoryStore } from "@crm/cache-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { rateLimit, rateLimitStore } from "../src/express/index.ts";
import {
  CostExceedsLimitError,
  createRateLimiter,
  RateLimiterClosedError,
  rateLimitActions,
} from "../src/index.ts";

let cache: Cache;
let runs = 0;
beforeEach(() => {
  const store = memoryStore();
  runs = 0;
  const run = store.run;
  store.run = (...call) => {
    runs++;
    return run(...call);
  };
  cache = createCache({ store });
});
afterEach(() => cache.close());

async function messageOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (!CacheError.isInstance(error)) throw error;
    return `${error.name} ${error.code}: ${error.message}`;
  }
  return "no error";
}

const rule = (extra: object) => () =>
  createRateLimiter(cache, { r: { limit: 1, window: 1, ...extra } as never });

const middleware = (extra: object) => () =>
  rateLimit(createRateLimiter(cache, { r: { limit: 1, window: 1 } }), { subject: () => "u", ...extra });

const RULES: Record<string, () => unknown> = {
  "no rules": () => createRateLimiter(cache, {}),
  "rules that are a list": () => createRateLimiter(cache, [{ limit: 1, window: 1 }] as never),
  "nine rules": () =>
    createRateLimiter(
      cache,
      Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`r${i}`, { limit: 1, window: 1 }])),
    ),
  "a rule's name": () => createRateLimiter(cache, { "a:b": { limit: 1, window: 1 } }),
  "a rule that is null": () => createRateLimiter(cache, { r: null as never }),
  "no limit": rule({ limit: undefined }),
  "a limit of 0": rule({ limit: 0 }),
  "half a limit": rule({ limit: 0.5 }),
  "a limit that is text": rule({ limit: "10" }),
  "no window": rule({ window: undefined }),
  "a window of 0": rule({ window: 0 }),
  "a window of years": rule({ window: "401d" }),
  "an algorithm": rule({ algorithm: "leaky" }),
  "burst of a fixed window": rule({ burst: 3 }),
  "maxHits of a bucket": rule({ algorithm: "gcra", maxHits: 3 }),
  "too many maxHits": rule({ algorithm: "sliding-log", maxHits: 100_000 }),
  "a share of an open rule": rule({ whenUnavailable: "open", localShare: 0.5 }),
  "a share of nothing": rule({ localShare: 0 }),
  "a policy": rule({ whenUnavailable: "panic" }),
  shadow: rule({ shadow: "yes" }),
  "by for one rule only": () =>
    createRateLimiter(cache, { a: { limit: 1, window: 1, by: "ip" }, b: { limit: 1, window: 1 } }),
  "a counter that cannot be exact": rule({ algorithm: "sliding-counter", limit: 1_000_000, window: "400d" }),
  "a bucket that cannot be exact": rule({ algorithm: "gcra", limit: 1_000_003, window: "400d" }),
  "a log that cannot be exact": rule({ algorithm: "sliding-log", limit: 2 ** 32, window: "1d" }),
  "a limiter's name": () => createRateLimiter(cache, { r: { limit: 1, window: 1 } }, { name: "-" }),
  "a deny cache": () =>
    createRateLimiter(cache, { r: { limit: 1, window: 1 } }, { denyCache: true as never }),
  "a deny cache's age": () =>
    createRateLimiter(cache, { r: { limit: 1, window: 1 } }, { denyCache: { maxAge: "2h" } }),
  "the actions' options": () => rateLimitActions({ whenUnavailable: "panic" as never }),
  "a middleware without subject": () =>
    rateLimit(createRateLimiter(cache, { r: { limit: 1, window: 1 } }), {} as never),
  "a middleware's headers": () =>
    rateLimit(createRateLimiter(cache, { r: { limit: 1, window: 1 } }), {
      subject: () => "u",
      headers: "draft-9" as never,
    }),
  "a middleware's cost": middleware({ cost: 0 }),
  "a middleware's unit": middleware({ quotaUnit: 'a"b' }),
  "a middleware's partition key": middleware({ partitionKey: "k" }),
  "a middleware's refusal": middleware({ refused: { status: 429 } }),
  "a middleware without limiter": () => rateLimit(undefined as never, { subject: () => "u" }),
  "a misspelt option of a rule": rule({ whenUnvailable: "closed" }),
  "a misspelt option of a limiter": () =>
    createRateLimiter(cache, { r: { limit: 1, window: 1 } }, { nmae: "a" } as never),
  "a misspelt option of a deny cache": () =>
    createRateLimiter(cache, { r: { limit: 1, window: 1 } }, { denyCache: { maxSize: 1 } as never }),
  "a misspelt option of the actions": () => rateLimitActions({ whenUnvailable: "closed" } as never),
  "the actions' options that are text": () => rateLimitActions("closed" as never),
  "a misspelt option of a middleware": middleware({ header: "x" }),
  "a misspelt option of a store": () => rateLimitStore(cache, { prefix: "a" } as never),
  "a store's options that are text": () => rateLimitStore(cache, "a" as never),
  "a store's name": () => rateLimitStore(cache, { name: "a b" }),
};

const two = () => createRateLimiter(cache, { a: { limit: 5, window: 1 }, b: { limit: 9, window: 1 } });
const by = () => createRateLimiter(cache, { a: { limit: 5, window: 1, by: "ip" } });
const limited = () => cache.extend(rateLimitActions());

const CALLS: Record<string, () => unknown> = {
  "an empty subject": () => two().check(""),
  "no subject": () => two().check(undefined as never),
  "a subject with a control character": () => two().check("a\nb"),
  "one subject where many are counted": () => by().check("u"),
  "a missing subject": () => by().check({ user: "u" }),
  "a cost of 0": () => two().check("u", { cost: 0 }),
  "half a cost": () => two().check("u", { cost: 1.5 }),
  "a cost above a limit": () => two().check("u", { cost: 6 }),
  "a cost above a limit, to look": () => two().peek("u", { cost: 6 }),
  "a cost above a limit, to wait": () => two().acquire("u", { cost: 6 }),
  "a misspelt option of a call": () => two().check("u", { costs: 2 } as never),
  "a misspelt option of a look": () => two().peek("u", { costs: 2 } as never),
  "a misspelt option of a wait": () => two().acquire("u", { wait: "1s" } as never),
  "a cost in place of options": () => two().check("u", 2 as never),
  "a limit of a rule that is not there": () => two().check("u", { limits: { c: 1 } as never }),
  "limits that are none": () => two().check("u", { limits: null as never }),
  "limits that are a list": () => two().check("u", { limits: [] as never }),
  "a limit of a call": () => two().check("u", { limits: { a: -1 } }),
  "a long wait": () => two().acquire("u", { maxWait: "2h" }),
  "a signal": () => two().acquire("u", { signal: {} as never }),
  "a refund of nothing": () => two().refund("u", 0),
  "a penalty without cost": () => two().penalty("u", undefined as never),
  "a block for ever": () => two().block("u", "401d"),
  "a function's limit": () =>
    createRateLimiter(cache, { a: { limit: () => Number.NaN, window: 1 } }).check("u"),
  "a key": () => limited().checkRateLimit("", 1, 60),
  "an action's limit": () => limited().checkRateLimit("k", 0, 60),
  "an action's window": () => limited().checkRateLimit("k", 1, -1),
  "an action's long window": () => limited().checkRateLimit("k", 1, "500d"),
  "info without limit": () => limited().getRateLimitInfo("k", undefined as never),
  "a reset of nothing": () => limited().resetRateLimit(undefined as never),
};

describe("bad input", () => {
  it.each(Object.entries({ ...RULES, ...CALLS }))("%s", async (_, work) => {
    const before = runs;
    const message = await messageOf(work);
    expect(message).not.toBe("no error");
    expect(runs, "nothing was sent").toBe(before);
    expect(message).toMatchSnapshot();
  });

  it("a limiter that was closed says so itself, to those who wait and to those who come", async () => {
    const limiter = createRateLimiter(cache, { r: { limit: 1, window: "1h" } });
    await limiter.acquire("u");
    const waiting = messageOf(() => limiter.acquire("u", { maxWait: "1h" }));
    // It has its place before the limiter is closed.
    await limiter.peek("u");
    await limiter.close();
    const late = await messageOf(() => limiter.acquire("v"));
    expect(await waiting).toBe(late);
    expect(late).toMatchSnapshot();
    const error = await limiter.acquire("v").catch((caught) => caught);
    expect(RateLimiterClosedError.isInstance(error)).toBe(true);
    expect(CostExceedsLimitError.isInstance(error)).toBe(false);
  });

  it("every error is explained", () => {
    const docs = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    for (const code of ["COST_EXCEEDS_LIMIT", "RATE_LIMITER_CLOSED"])
      expect(docs).toContain(`\n## ${code}\n`);
  });

  it("a cost above the whole limit is its own class, with its figures", async () => {
    const error = await two()
      .check("u", { cost: 6 })
      .catch((caught) => caught);
    expect(CostExceedsLimitError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ rule: "a", cost: 6, limit: 5, retryable: false });
  });
});
