import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cache, createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import { outboxMigration } from "@crm/cache-invalidator/postgres";
import {
  type PostgresServer,
  percentile,
  type RedisServer,
  spawnWorker,
  startPostgres,
  startRedis,
  type Worker,
  waitFor,
} from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Kills; the full count is 1,000. */
const KILLS = Number(process.env.OUTBOX_KILLS ?? 9);
/** By default every other step of the relay is hit once, before it or while it is answered in turn; "all": each in both ways. */
const EVERY_WAY = process.env.OUTBOX_STEPS === "all";
const PLACES = ["commit", "apply", "applied"] as const;
const module = new URL("./workers/outbox-app.ts", import.meta.url);

/** Makes a thousand starts bearable. */
let compileCache: string;
let postgres: PostgresServer;
let redis: RedisServer;
let cache: Cache;
beforeAll(async () => {
  compileCache = await mkdtemp(join(tmpdir(), "crm-outbox-"));
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const client = await postgres.client();
  await client.query(outboxMigration());
  await client.query("CREATE TABLE companies (id text PRIMARY KEY, version int NOT NULL DEFAULT 0)");
  await client.query("INSERT INTO companies SELECT n::text FROM generate_series(0, 2000) AS n");
  cache = createCache({ store: redisStore({ url: redis.url }), namespace: "crash" });
});
afterAll(async () => {
  await cache.close();
  await Promise.all([postgres.stop(), redis.stop(), rm(compileCache, { recursive: true })]);
});

function application(withOutbox: boolean): Promise<Worker> {
  const env = {
    NODE_COMPILE_CACHE: compileCache,
    POSTGRES_URL: postgres.url,
    CACHE_URL: redis.url,
    WITH_OUTBOX: withOutbox ? "yes" : "no",
  };
  return spawnWorker(module, { env });
}

/** Fills the cache with the value before the write, lets the application write, and waits for its end. */
async function writeAndDie(worker: Worker, id: string, at: string): Promise<void> {
  expect(await cache.set(`companies:${id}`, { version: 0 }, "1h")).toBe(true);
  await worker.call("write", { id, at }).catch(() => {});
  expect((await worker.exited).signal).toBe("SIGKILL");
}

describe("SIGKILL between commit and invalidation", () => {
  test(`${KILLS} times: everything is delivered within a second of the restart`, async () => {
    const client = await postgres.client();
    const lagsMs: number[] = [];
    let left = 0;
    // The first to end in peace leaves the compiled modules to the others.
    await (await application(true)).stop();
    let worker = await application(true);
    await worker.call("start");
    for (let kill = 0; kill < KILLS; kill++) {
      const id = String(kill);
      // Stands by: the promise counts from the moment at which the relay is started again.
      const next = application(true);
      await writeAndDie(worker, id, PLACES[kill % PLACES.length] as string);
      const { rows } = await client.query("SELECT version FROM companies WHERE id = $1", [id]);
      expect(rows).toEqual([{ version: 1 }]);
      const { rows: waiting } = await client.query("SELECT count(*)::int AS n FROM cache_outbox");
      left += waiting[0].n;
      worker = await next;
      const startedAt = await worker.call<number>("start");
      await waitFor(async () => !(await cache.exists(`companies:${id}`)), { intervalMs: 1 });
      await waitFor(
        async () => (await client.query("SELECT count(*)::int AS n FROM cache_outbox")).rows[0].n === 0,
        { intervalMs: 1 },
      );
      lagsMs.push(performance.timeOrigin + performance.now() - startedAt);
    }
    await worker.stop();
    if (process.env.OUTBOX_REPORT !== undefined) {
      const [p50, p99, max] = [50, 99, 100].map((p) => Math.round(percentile(lagsMs, p)));
      process.stderr.write(`${JSON.stringify({ kills: KILLS, leftBehind: left, p50, p99, max })}\n`);
    }
    // The kills hit where they were meant to: the row was still there each time.
    expect(left).toBe(KILLS);
    expect(Math.max(...lagsMs)).toBeLessThan(1_000);
  }, 540_000);

  test("at each step of the relay: what is left is delivered within a second of the restart", async () => {
    const client = await postgres.client();
    const waiting = async (): Promise<number> =>
      (await client.query("SELECT count(*)::int AS n FROM cache_outbox")).rows[0].n;
    const delivered = async (id: string): Promise<boolean> =>
      (await waiting()) === 0 && !(await cache.exists(`companies:${id}`));
    const write = async (id: string): Promise<void> => {
      expect(await cache.set(`companies:${id}`, { version: 0 }, "1h")).toBe(true);
      const event =
        "INSERT INTO cache_outbox (event, entity_type, entity_id) VALUES ('entity:updated', 'companies', $1)";
      await client.query(event, [id]);
    };
    let next = application(true);
    const take = async (): Promise<Worker> => {
      const worker = await next;
      next = application(true);
      return worker;
    };
    await write("0");
    const first = await take();
    await first.call("start");
    await waitFor(() => delivered("0"), { intervalMs: 1 });
    // The last of them: it looks once more, and lies down.
    await waitFor(async () => {
      const before = await first.call<number>("steps");
      await new Promise((resolve) => setTimeout(resolve, 100));
      return (await first.call<number>("steps")) === before;
    });
    const steps = await first.call<number>("steps");
    expect(steps).toBeGreaterThan(6);
    await first.stop();
    const lagsMs: number[] = [];
    let leftBehind = 0;
    for (let step = 1; step <= steps; step += EVERY_WAY ? 1 : 2) {
      const ways = EVERY_WAY
        ? (["before", "during"] as const)
        : [step % 4 === 1 ? ("before" as const) : ("during" as const)];
      for (const when of ways) {
        const id = `${step}-${when}`;
        await write(id);
        const dying = await take();
        await dying.call("start", { step, when }).catch(() => {});
        expect((await dying.exited).signal, id).toBe("SIGKILL");
        leftBehind += await waiting();
        const restarted = await take();
        const startedAt = await restarted.call<number>("start");
        await waitFor(() => delivered(id), { intervalMs: 1, description: id });
        lagsMs.push(performance.timeOrigin + performance.now() - startedAt);
        await restarted.stop();
      }
    }
    await (await next).stop();
    if (process.env.OUTBOX_REPORT !== undefined) {
      process.stderr.write(`${JSON.stringify({ steps, kills: lagsMs.length, leftBehind, lagsMs })}\n`);
    }
    expect(leftBehind).toBeGreaterThan(1);
    expect(Math.max(...lagsMs)).toBeLessThan(1_000);
  }, 240_000);

  test("control arm: without the outbox the old value stays", async () => {
    const worker = await application(false);
    await worker.call("start");
    await writeAndDie(worker, "2000", "commit");
    await using restarted = await application(false);
    await restarted.call("start");
    expect(await cache.get("companies:2000")).toEqual({ version: 0 });
  });
});
