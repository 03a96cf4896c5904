// Calls of scripts are commands of the store's own making. Whoever listens to ioredis is told of them as of any other.

import { tracingChannel } from "node:diagnostics_channel";
import { startRedis } from "@crm/testkit";
import { expect, test } from "vitest";
import type { AtomicOperation } from "../src/index.ts";
import { redisStore } from "../src/redis/index.ts";

const ECHO: AtomicOperation = {
  name: "echo",
  lua: "return {KEYS[1], ARGV[1], ARGV[2]}",
  run: () => null,
};
const REFUSED: AtomicOperation = {
  name: "refused",
  lua: "return redis.error_reply('REFUSED as it must be')",
  run: () => null,
};

test("a call of a script is traced with its arguments and its end, whether it is answered or refused", async () => {
  await using redis = await startRedis();
  const store = redisStore({ url: redis.url, commandTimeout: "5s" });
  await store.ready();
  await store.run(ECHO, ["warm"], ["", ""]);
  const traced: string[] = [];
  const note = (what: string) => (message: object) => {
    const { command, args } = message as { command: string; args: readonly string[] };
    if (command === "evalsha") traced.push(`${what} ${args.slice(1).join(" ")}`);
  };
  const handlers = {
    start: note("start"),
    end: () => {},
    asyncStart: () => {},
    asyncEnd: note("end"),
    error: note("error"),
  };
  const channel = tracingChannel("ioredis:command");
  channel.subscribe(handlers);
  try {
    const reply = await store.run(ECHO, ["key"], ["a", 7]);
    expect(String(reply)).toBe("key,a,7");
    await expect(store.run(REFUSED, ["key"], [])).rejects.toMatchObject({ code: "STORE_REPLY" });
  } finally {
    channel.unsubscribe(handlers);
    await store.close();
  }
  expect(traced).toEqual([
    "start 1 key a 7",
    "end 1 key a 7",
    // The server does not know it yet: `EVAL` follows.
    "start 1 key",
    expect.stringMatching(/^(error|end) 1 key$/),
    expect.stringMatching(/^(error|end) 1 key$/),
  ]);
});

test("a server that has forgotten its scripts is sent them again, with binary arguments too", async () => {
  await using redis = await startRedis();
  const store = redisStore({ url: redis.url, commandTimeout: "5s" });
  const admin = await redis.client();
  const bytes = Buffer.from([0, 255, 13, 10]);
  for (let i = 0; i < 3; i++) {
    await admin.script("FLUSH");
    expect(await store.run(ECHO, ["key"], [bytes, "ž"])).toEqual([
      Buffer.from("key"),
      bytes,
      Buffer.from("ž"),
    ]);
  }
  await store.close();
});
