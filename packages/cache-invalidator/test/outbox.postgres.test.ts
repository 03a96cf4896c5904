import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  connectPg,
  createOutboxRelay,
  type EntityEvent,
  enqueue,
  type OutboxRelayOptions,
  outboxMigration,
  outboxTrigger,
} from "@crm/cache-invalidator/postgres";
import { type FaultProxy, type PostgresServer, startFaultProxy, startPostgres, waitFor } from "@crm/testkit";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

let postgres: PostgresServer;
let client: pg.Client;
beforeAll(async () => {
  postgres = await startPostgres();
  client = await postgres.client();
  await client.query(outboxMigration());
  await client.query("CREATE TABLE companies (id int PRIMARY KEY, name text)");
  await client.query(outboxTrigger({ on: "companies" }));
});
beforeEach(() => client.query("TRUNCATE companies, cache_outbox").then(() => {}));
afterAll(() => postgres.stop());

function updated(entityId: string): EntityEvent {
  return { event: "entity:updated", entityType: "companies", entityId };
}

/** A relay whose target keeps the ids that it was given. */
function relayOf(
  ids: string[],
  options: Partial<OutboxRelayOptions> = {},
): ReturnType<typeof createOutboxRelay> {
  return createOutboxRelay({
    connect: () => connectPg(new pg.Client({ connectionString: postgres.url })),
    target: { apply: async ({ entityId }) => ids.push(entityId) },
    pollInterval: "1h",
    ...options,
  });
}

/** Notifications that any session sends while `body` runs. */
async function notifications(body: () => Promise<void>): Promise<number> {
  const listener = await postgres.client();
  let heard = 0;
  listener.on("notification", () => {
    heard += 1;
  });
  await listener.query('LISTEN "public.cache_outbox"');
  await body();
  // A round trip later, whatever was committed before has arrived.
  await listener.query("SELECT 1");
  await listener.end();
  return heard;
}

test("processes that start together make the outbox and its triggers at once", async () => {
  await client.query("CREATE TABLE visits (id int PRIMARY KEY)");
  const others = await Promise.all(Array.from({ length: 8 }, () => postgres.client()));
  const made = await Promise.allSettled(
    others.map(async (each) => {
      for (let i = 0; i < 5; i++) {
        await each.query(outboxMigration());
        await each.query(outboxTrigger({ on: "visits" }));
      }
    }),
  );
  expect(made.filter(({ status }) => status === "rejected")).toEqual([]);
  await client.query("INSERT INTO visits VALUES (1)");
  const { rows } = await client.query("SELECT event, entity_type, entity_id FROM cache_outbox");
  expect(rows).toEqual([{ event: "entity:created", entity_type: "visits", entity_id: "1" }]);
  await Promise.all(others.map((each) => each.end()));
  await client.query("DROP TABLE visits");
});

describe("being woken", () => {
  test("a sleeping relay is rung by a commit of another session, and not by a rollback", async () => {
    const ids: string[] = [];
    await using relay = relayOf(ids);
    await relay.start();
    await waitFor(async () => (await sleepers()) === 1);
    const rung = await notifications(async () => {
      await client.query("BEGIN");
      await enqueue(client, updated("rolled back"));
      await client.query("ROLLBACK");
    });
    expect(rung).toBe(0);
    const startedAt = performance.now();
    await enqueue(client, updated("1"));
    await waitFor(() => ids.length === 1, { intervalMs: 1 });
    expect(performance.now() - startedAt).toBeLessThan(500);
    expect(ids).toEqual(["1"]);
  });

  test("what a transaction wrote before the relay lay down is delivered although it never rang", async () => {
    const ids: string[] = [];
    await using relay = relayOf(ids);
    await client.query("BEGIN");
    await enqueue(client, updated("early"));
    await relay.start();
    // The writer shares the lock, so nobody sleeps; the next poll is an hour away.
    expect(await sleepers()).toBe(0);
    const rung = await notifications(async () => {
      await client.query("COMMIT");
      await waitFor(() => ids.length === 1, { timeoutMs: 1_000 });
    });
    expect(rung).toBe(0);
    await waitFor(async () => (await sleepers()) === 1);
  });

  test("control arm: a relay that lies down without the lock sleeps through a commit", async () => {
    const ids: string[] = [];
    await client.query("BEGIN");
    await enqueue(client, updated("early"));
    const asked: string[] = [];
    await using relay = relayOf(ids, {
      async connect() {
        const connection = await connectPg(new pg.Client({ connectionString: postgres.url }));
        return {
          ...connection,
          query(text, params) {
            asked.push(text.includes("pg_try_advisory_lock(") ? "lie down" : text);
            if (asked.at(-1) === "lie down") return Promise.resolve({ rows: [{ state: "asleep" }] });
            return connection.query(text, params);
          },
        };
      },
    });
    await relay.start();
    // It has looked once more, and waits.
    await waitFor(() => asked.includes("lie down") && asked.at(-1) === "COMMIT");
    await client.query("COMMIT");
    await expect(waitFor(() => ids.length === 1, { timeoutMs: 300 })).rejects.toThrow("Not within");
    relay.wake();
    await waitFor(() => ids.length === 1);
  });

  test("under load commits do not ring: hundreds of writers, few notifications", async () => {
    const ids: string[] = [];
    await using relay = relayOf(ids, { pollInterval: "1s" });
    await relay.start();
    const rows = 1_600;
    const rung = await notifications(async () => {
      await Promise.all(
        Array.from({ length: 16 }, async (_, writer) => {
          const own = await postgres.client();
          for (let i = 0; i < rows / 16; i++) await enqueue(own, updated(`${writer}:${i}`));
          await own.end();
        }),
      );
      await waitFor(() => ids.length === rows, { timeoutMs: 20_000 });
    });
    if (process.env.OUTBOX_REPORT !== undefined) process.stderr.write(`${JSON.stringify({ rows, rung })}\n`);
    expect(rung).toBeLessThan(rows / 4);
    expect(new Set(ids).size).toBe(rows);
  });

  test("several relays: one holds the bell, another takes it when that one goes", async () => {
    const ids: string[] = [];
    const first = relayOf(ids, { pollInterval: "50ms" });
    const second = relayOf(ids, { pollInterval: "50ms" });
    await first.start();
    await second.start();
    await waitFor(async () => (await sleepers()) === 1);
    await first.close();
    await waitFor(async () => (await sleepers()) === 1);
    await enqueue(client, updated("1"));
    await waitFor(() => ids.length === 1);
    await second.close();
    expect(await sleepers()).toBe(0);
  });
});

describe("writes by others", () => {
  test("psql's UPDATE invalidates", async () => {
    const ids: string[] = [];
    await using relay = relayOf(ids);
    await relay.start();
    await promisify(execFile)("psql", [postgres.url, "-q", "-c", "INSERT INTO companies VALUES (7, 'x')"]);
    await waitFor(() => ids.length === 1);
    expect(ids).toEqual(["7"]);
  });

  test("plain SQL into the outbox, and COPY into a watched table, too", async () => {
    const ids: string[] = [];
    await using relay = relayOf(ids);
    await relay.start();
    await client.query(
      "INSERT INTO cache_outbox (event, entity_type, entity_id) VALUES ('entity:deleted', 'companies', '8')",
    );
    await promisify(execFile)("sh", [
      "-c",
      `printf '9\\ta\\n10\\tb\\n' | psql "${postgres.url}" -q -c 'COPY companies FROM STDIN'`,
    ]);
    await waitFor(() => ids.length === 3);
    expect(ids.sort()).toEqual(["10", "8", "9"]);
  });
});

describe("losing the session", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy({ target: postgres });
  });
  afterAll(() => proxy.close());

  function throughProxy(
    ids: string[],
    options: Partial<OutboxRelayOptions> = {},
  ): ReturnType<typeof relayOf> {
    const url = new URL(postgres.url);
    url.port = String(proxy.port);
    url.hostname = proxy.host;
    return relayOf(ids, {
      connect: () => connectPg(new pg.Client({ connectionString: url.href })),
      ...options,
    });
  }

  test("cut off, it comes back by itself and catches up", async () => {
    const ids: string[] = [];
    await using relay = throughProxy(ids);
    const ups: number[] = [];
    relay.on("relay:up", ({ downMs }) => void ups.push(downMs));
    await relay.start();
    await proxy.cut();
    await enqueue(client, [updated("1"), updated("2")]);
    await proxy.heal();
    await waitFor(() => ids.length === 2);
    expect(ups).toHaveLength(2);
    expect((await relay.getStats()).sessions).toBe(2);
  });

  test("in a network that swallows everything it notices in time", async () => {
    const ids: string[] = [];
    await using relay = throughProxy(ids, { pollInterval: "50ms", queryTimeout: "200ms" });
    await relay.start();
    proxy.blackHole({ packets: "drop" });
    await enqueue(client, updated("1"));
    const downs: unknown[] = [];
    relay.on("relay:down", ({ error }) => void downs.push(error));
    await waitFor(() => downs.length > 0);
    expect((await relay.getStats()).connected).toBe(false);
    await proxy.heal();
    await waitFor(() => ids.includes("1"));
  });

  test("in the middle of a batch: its rows are free at once for another relay, and come at least once", async () => {
    const reached: string[] = [];
    const stuck = throughProxy([], {
      applyTimeout: "1s",
      target: {
        apply({ entityId }) {
          reached.push(entityId);
          return new Promise(() => {});
        },
      },
    });
    await enqueue(client, updated("1"));
    await stuck.start();
    await waitFor(() => reached.length === 1);
    const ids: string[] = [];
    await using other = relayOf(ids, { pollInterval: "20ms" });
    await other.start();
    expect((await other.getStats()).pending).toBe(1);
    expect(ids).toEqual([]);
    await proxy.cut();
    await waitFor(() => ids.length === 1);
    await proxy.heal();
    await stuck.close();
  });
});

/** Sessions that hold the bell. */
async function sleepers(): Promise<number> {
  const { rows } = await client.query(
    `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  );
  return rows[0].n;
}
