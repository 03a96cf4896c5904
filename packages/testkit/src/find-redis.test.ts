import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readEnvironment } from "./internal/choose-backend.ts";
import { spawnWorker } from "./spawn-worker.ts";
import { startRedis } from "./start-redis.ts";

const starter = new URL("../test/fixtures/starter.ts", import.meta.url);

describe("TEST_REDIS_URL", () => {
  let own: Awaited<ReturnType<typeof startRedis>>;
  beforeEach(async () => {
    own = await startRedis({ control: true, config: { databases: 4 } });
    vi.stubEnv("TEST_REDIS_VIA", undefined);
    vi.stubEnv("TEST_REDIS_URL", `${own.url}/2`);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await own.stop();
  });

  test("is used as it is, database included", async () => {
    await using redis = await startRedis();
    expect(redis).toMatchObject({ via: "url", host: own.host, port: own.port });
    await (await redis.client()).set("here", "1");
    expect(await (await own.client({ db: 2 })).get("here")).toBe("1");
  });

  test("names a server that is not harmed", async () => {
    await using redis = await startRedis();
    for (const verb of ["kill", "pause", "resume", "restart"] as const) {
      await expect(redis[verb]()).rejects.toThrow(
        `${verb}() refused: the server at TEST_REDIS_URL is not ours`,
      );
    }
    await expect(redis.configSet("maxmemory", 1)).rejects.toThrow("refused");
    await redis.stop();
    expect(await (await own.client()).ping()).toBe("PONG");
  });

  test("is passed over by a test that wants control, or a configuration of its own", async () => {
    await using controlled = await startRedis({ control: true });
    await using configured = await startRedis({ config: { maxmemory: "8mb" } });
    expect([controlled.via, configured.via]).not.toContain("url");
  });

  test("of a server that is down is an error", async () => {
    await own.kill();
    await expect(startRedis()).rejects.toThrow(`TEST_REDIS_URL: no Redis answers at ${own.host}:${own.port}`);
  });
});

describe("TEST_REDIS_VIA", () => {
  test("is one of three words", () => {
    expect(() => readEnvironment({ TEST_REDIS_VIA: "podman" })).toThrow(
      'must be url, docker or local; it is "podman"',
    );
  });

  test("url needs an url", () => {
    expect(() => readEnvironment({ TEST_REDIS_VIA: "url" })).toThrow("needs TEST_REDIS_URL");
  });

  test("local insists on a redis-server in the PATH", async () => {
    await using worker = await spawnWorker(starter, {
      env: { PATH: "/nonexistent", TEST_REDIS_VIA: "local" },
    });
    await expect(worker.call("start")).rejects.toThrow("there is no redis-server in the PATH");
  });

  test("docker insists on an engine", async () => {
    const env = { DOCKER_HOST: "unix:///nonexistent.sock", TEST_REDIS_VIA: "docker" };
    await using worker = await spawnWorker(starter, { env });
    await expect(worker.call("start")).rejects.toThrow("no Docker engine answers");
  });
});

test("with no Redis anywhere, the error says what to do", async () => {
  await using worker = await spawnWorker(starter, {
    env: {
      PATH: "/nonexistent",
      DOCKER_HOST: "unix:///nonexistent.sock",
      TEST_REDIS_VIA: undefined,
      TEST_REDIS_URL: undefined,
    },
  });
  await expect(worker.call("start")).rejects.toThrow(
    /No Redis for the tests[\s\S]*TEST_REDIS_URL[\s\S]*Docker[\s\S]*redis-server/,
  );
});
