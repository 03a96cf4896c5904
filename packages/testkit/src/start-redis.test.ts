import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { dial } from "../test/support/dial.ts";
import type { RedisServer } from "./redis-server.ts";
import { startRedis } from "./start-redis.ts";

const SILENCE_MS = 150;

describe("a server of our own", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ control: true });
  });
  afterAll(() => redis.stop());

  test("answers at its url", async () => {
    const client = await redis.client();
    expect(await client.ping()).toBe("PONG");
    expect(redis.url).toBe(`redis://${redis.host}:${redis.port}`);
    expect(await client.config("GET", "save")).toEqual(["save", ""]);
    expect(await client.config("GET", "appendonly")).toEqual(["appendonly", "no"]);
  });

  test("paused, it accepts and answers nothing; resumed, it answers what it was asked", async () => {
    const client = await redis.client();
    await redis.pause();
    const ping = client.ping();
    expect(await Promise.race([ping, sleep(SILENCE_MS, "silence")])).toBe("silence");
    expect(await dial(redis)).toBe("connected");
    expect(redis.running).toBe(true);
    await redis.resume();
    expect(await ping).toBe("PONG");
  });

  test("killed, it refuses connections and has lost its data at the same port", async () => {
    const client = await redis.client();
    await client.set("kept", "no");
    const { port } = redis;
    await redis.kill();
    expect(redis.running).toBe(false);
    expect(await dial(redis)).toBe("ECONNREFUSED");
    await redis.restart();
    expect(redis.port).toBe(port);
    expect(await client.get("kept")).toBeNull();
  });

  test("killed while it is paused, it is gone", async () => {
    await redis.pause();
    await redis.kill();
    expect(await dial(redis)).toBe("ECONNREFUSED");
    await redis.restart();
    expect(await dial(redis)).toBe("connected");
  });

  test("restarted with keepData, it comes back with its data, once", async () => {
    const client = await redis.client();
    await client.set("kept", "yes");
    await redis.restart({ keepData: true });
    expect(await client.get("kept")).toBe("yes");
    await redis.restart();
    expect(await client.get("kept")).toBeNull();
  });

  test("restarted with keepData after a kill, it says that nothing is left", async () => {
    await redis.kill();
    await expect(redis.restart({ keepData: true })).rejects.toThrow("start it with persist: true");
    await redis.restart();
  });

  test("configSet changes a directive until the next restart", async () => {
    const client = await redis.client();
    await redis.configSet("maxmemory", "32mb");
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", String(32 * 1024 * 1024)]);
    await redis.restart();
    expect(await client.config("GET", "maxmemory")).toEqual(["maxmemory", "0"]);
  });
});

describe("options", () => {
  test("config reaches the server", async () => {
    await using redis = await startRedis({
      config: {
        maxmemory: "8mb",
        "maxmemory-policy": "allkeys-lru",
        "client-output-buffer-limit": ["pubsub", "1mb", "0", "0"],
      },
    });
    const client = await redis.client();
    expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "allkeys-lru"]);
    expect((await client.config("GET", "client-output-buffer-limit")).toString()).toContain(
      "pubsub 1048576 0 0",
    );
  });

  test("persist keeps what was acknowledged through a kill, and forgets it on demand", async () => {
    await using redis = await startRedis({ persist: true });
    const client = await redis.client();
    await client.set("kept", "yes");
    await redis.kill();
    await redis.restart();
    expect(await client.get("kept")).toBe("yes");
    await redis.restart({ keepData: false });
    expect(await client.get("kept")).toBeNull();
  });

  test("password is needed, and is part of the url", async () => {
    await using redis = await startRedis({ password: "s3cret/" });
    const client = await redis.client();
    expect(await client.ping()).toBe("PONG");
    expect(redis.url).toBe(`redis://:s3cret%2F@${redis.host}:${redis.port}`);
    await redis.configSet("maxmemory", "8mb");
    const stranger = await redis.client({ password: "", lazyConnect: true, retryStrategy: null });
    await expect(stranger.ping()).rejects.toThrow();
  });

  test("a directive that Redis refuses is reported in its words", async () => {
    await expect(startRedis({ config: { "no-such-directive": "1" } })).rejects.toThrow("no-such-directive");
  });
});

describe("stop", () => {
  test("ends the server and its clients, frees the port, and may be called twice", async () => {
    const redis = await startRedis({ control: true });
    const client = await redis.client();
    await redis.stop();
    await redis.stop();
    expect(await dial(redis)).toBe("ECONNREFUSED");
    await vi.waitFor(() => expect(client.status).toBe("end"));
  });

  test("ends a paused server", async () => {
    const redis = await startRedis({ control: true });
    await redis.pause();
    await redis.stop();
    expect(await dial(redis)).toBe("ECONNREFUSED");
  });
});
