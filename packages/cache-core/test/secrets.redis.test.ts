// No secret reaches a log, an event or an error: what a client says of a failed login carries the whole command.

import { inspect } from "node:util";
import { startRedis, waitFor } from "@crm/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCache } from "../src/index.ts";
import { type RedisStoreOptions, redisStore } from "../src/redis/index.ts";

const SECRET = "hunter2-wrong";
let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis({ control: true });
  await redis.configSet("requirepass", "right");
});
afterAll(() => redis?.stop());

const ways: [string, () => RedisStoreOptions][] = [
  ["a URL", () => ({ url: `redis://:${SECRET}@${redis.host}:${redis.port}` })],
  ["a password", () => ({ host: redis.host, port: redis.port, password: SECRET })],
];

test.each(ways)("a wrong password, given by %s, is shown nowhere", async (_, options) => {
  const lines: unknown[] = [];
  const note = (...line: unknown[]): void => void lines.push(line);
  const logger = { debug: note, info: note, warn: note, error: note };
  const store = redisStore(options());
  store.onWarning(note);
  const cache = createCache({ store, namespace: "secrets", logger });
  for (const event of ["store:warning", "background:error"] as const) cache.on(event, note);
  await cache.get("a");
  await cache.set("a", 1);
  note(await cache.del("a").catch((error: unknown) => error));
  await waitFor(() => inspect(lines, { depth: 20 }).includes("WRONGPASS"));
  const shown = inspect(lines, { depth: 20, showHidden: true }) + JSON.stringify(lines);
  expect(shown).not.toContain(SECRET);
  await cache.close();
});
