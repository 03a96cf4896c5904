// Everything in a process that follows a stream over one store has one reader: the in-process tier and a history.

import { type RedisServer, startRedis, waitFor } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { packBusEntry } from "../src/internal/bus-entry.ts";
import { redisStore } from "../src/redis/index.ts";

const STREAM = "n:1b";
const OPTIONS = { maxSilenceMs: 1_000 };

let redis: RedisServer;
let client: Redis;
let count = 0;

beforeAll(async () => {
  redis = await startRedis({ control: true });
  client = await redis.client();
});
beforeEach(async () => {
  await client.flushall();
  count = 0;
  await append("before");
});
afterAll(() => redis.stop());

async function append(message: string): Promise<void> {
  const value = packBusEntry({ line: "line", number: ++count, bound: "" }, Buffer.from(message));
  await client.xadd(STREAM, "*", "m", value);
}

/** Connections that read the stream, waiting. */
async function readers(): Promise<number> {
  const list = (await client.client("LIST")) as string;
  return list.split("\n").filter((line) => line.includes("cmd=xread ")).length;
}

function listener() {
  const heard: (string | undefined)[] = [];
  const gaps: string[] = [];
  return {
    heard,
    gaps,
    onEntries: (entries: readonly { message: string | undefined }[]) =>
      void heard.push(...entries.map(({ message }) => message)),
    onGap: (reason: string) => void gaps.push(reason),
  };
}

it("one connection reads for all; control: each store has one of its own", async () => {
  const stores = [redisStore({ url: redis.url }), redisStore({ url: redis.url })] as const;
  const one = stores[0].follow(STREAM, listener(), OPTIONS);
  const two = stores[0].follow(STREAM, listener(), OPTIONS);
  await Promise.all([one.started, two.started]);
  await waitFor(async () => (await readers()) === 1);
  const other = stores[1].follow(STREAM, listener(), OPTIONS);
  await other.started;
  await waitFor(async () => (await readers()) === 2);
  await Promise.all([one, two, other].map((each) => each.stop()));
  await waitFor(async () => (await readers()) === 0);
  await Promise.all(stores.map((each) => each.close()));
});

it("each hears everything from its joining on, also beside one that throws, until it stops", async () => {
  const store = redisStore({ url: redis.url });
  const [first, late] = [listener(), listener()];
  const thrower = store.follow(
    STREAM,
    {
      onEntries() {
        throw new Error("on purpose");
      },
      onGap() {},
    },
    OPTIONS,
  );
  const follower = store.follow(STREAM, first, OPTIONS);
  await follower.started;
  await append("one");
  await waitFor(() => first.heard.length === 1);
  const joined = store.follow(STREAM, late, OPTIONS);
  await joined.started;
  expect(joined.aliveUntil).toBeGreaterThan(performance.now());
  await append("two");
  await waitFor(() => late.heard.length === 1);
  await follower.stop();
  expect(follower.aliveUntil).toBe(Number.NEGATIVE_INFINITY);
  await append("three");
  await waitFor(() => late.heard.length === 2);
  expect([first.heard, late.heard]).toEqual([
    ["one", "two"],
    ["two", "three"],
  ]);
  expect([...first.gaps, ...late.gaps]).toEqual([]);
  await Promise.all([thrower.stop(), joined.stop()]);
  await store.close();
});

it("a gap is told to each of them", async () => {
  const store = redisStore({ url: redis.url });
  const [one, two] = [listener(), listener()];
  const followers = [store.follow(STREAM, one, OPTIONS), store.follow(STREAM, two, OPTIONS)];
  await Promise.all(followers.map((each) => each.started));
  count++;
  await append("behind a gap");
  await waitFor(() => one.heard.length === 1 && two.heard.length === 1);
  expect([one.gaps.length, two.gaps.length]).toEqual([1, 1]);
  await Promise.all(followers.map((each) => each.stop()));
  await store.close();
});
