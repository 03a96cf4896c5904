import { Redis } from "ioredis";
import type { RedisServer } from "../redis-server.ts";
import { createClientPool } from "./client-pool.ts";

/** The server at `TEST_REDIS_URL`: it may be used, never harmed. */
export async function externalServer(url: string): Promise<RedisServer> {
  const parsed = new URL(url);
  const address = { host: parsed.hostname, port: Number(parsed.port || 6379) };
  const pool = createClientPool();
  const options = {
    ...address,
    ...(parsed.username ? { username: decodeURIComponent(parsed.username) } : {}),
    ...(parsed.password ? { password: decodeURIComponent(parsed.password) } : {}),
    ...(parsed.pathname.length > 1 ? { db: Number(parsed.pathname.slice(1)) } : {}),
    ...(parsed.protocol === "rediss:" ? { tls: {} } : {}),
  };
  const probe = new Redis({ ...options, lazyConnect: true, retryStrategy: null, connectTimeout: 3_000 });
  probe.on("error", () => {});
  try {
    await probe.connect();
  } catch (cause) {
    throw new Error(`TEST_REDIS_URL: no Redis answers at ${address.host}:${address.port}`, { cause });
  } finally {
    probe.disconnect();
  }
  const refuse = (verb: string) => async (): Promise<never> => {
    throw new Error(
      `${verb}() refused: the server at TEST_REDIS_URL is not ours. Start one with startRedis({ control: true })`,
    );
  };
  return {
    ...address,
    url,
    via: "url",
    pid: undefined,
    running: true,
    kill: refuse("kill"),
    pause: refuse("pause"),
    resume: refuse("resume"),
    restart: refuse("restart"),
    configSet: refuse("configSet"),
    client: (overrides) => pool.redis(options, overrides),
    async stop() {
      pool.close();
    },
    async [Symbol.asyncDispose]() {
      pool.close();
    },
  };
}
