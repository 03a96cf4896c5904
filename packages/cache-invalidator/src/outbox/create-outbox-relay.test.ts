import { CacheError } from "@crm/cache-core";
import { waitFor } from "@crm/testkit";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectPglite } from "./connect-pglite.ts";
import { createOutboxRelay } from "./create-outbox-relay.ts";
import { enqueue } from "./enqueue.ts";
import { DeliveryTimeoutError, OutboxMissingError, RelayClosedError } from "./errors.ts";
import type { EntityEvent } from "./invalidation-target.ts";
import { outboxMigration } from "./outbox-migration.ts";
import type { OutboxRelayOptions } from "./relay-options.ts";
import { requeueDead } from "./requeue-dead.ts";

let db: PGlite;
beforeAll(async () => {
  db = await PGlite.create();
  await db.query(outboxMigration());
});
beforeEach(async () => {
  await db.exec(
    "DELETE FROM cache_outbox; DELETE FROM cache_outbox_dead; DELETE FROM cache_outbox_delivered",
  );
});
afterAll(() => db.close());

function updated(entityId: string): EntityEvent {
  return { event: "entity:updated", entityType: "companies", entityId };
}

/** A relay over the embedded database whose target keeps what it was given. */
function relayWith(
  apply: (event: EntityEvent) => unknown,
  options: Partial<OutboxRelayOptions> = {},
): { relay: ReturnType<typeof createOutboxRelay>; applied: EntityEvent[] } {
  const applied: EntityEvent[] = [];
  const target = {
    async apply(event: EntityEvent): Promise<void> {
      await apply(event);
      applied.push(event);
    },
  };
  const relay = createOutboxRelay({
    connect: () => connectPglite(db),
    target,
    pollInterval: "1h",
    ...options,
  });
  return { relay, applied };
}

async function count(table: string): Promise<number> {
  return Number((await db.query<{ n: string }>(`SELECT count(*)::text AS n FROM ${table}`)).rows[0]?.n);
}

describe("delivering", () => {
  test("what waited before the start, and what is committed after it, woken by the commit", async () => {
    await enqueue(db, updated("before"));
    const { relay, applied } = relayWith(() => {});
    await relay.start();
    await waitFor(() => applied.length === 1);
    await waitFor(async () => (await count("cache_outbox")) === 0);
    await db.transaction((tx) =>
      enqueue(tx, { ...updated("after"), data: { a: [1, null] }, actor: "anna", cause: "test" }),
    );
    // The next poll is an hour away.
    await waitFor(() => applied.length === 2);
    expect(applied).toEqual([
      updated("before"),
      { ...updated("after"), data: { a: [1, null] }, actor: "anna", cause: "test" },
    ]);
    await relay.close();
  });

  test("nothing of a transaction that was rolled back", async () => {
    await using relay = relayWith(() => {}).relay;
    await relay.start();
    const roll = db.transaction(async (tx) => {
      await enqueue(tx, updated("1"));
      throw new Error("rolled back");
    });
    await expect(roll).rejects.toThrow("rolled back");
    await enqueue(db, updated("2"));
    await waitFor(async () => (await relay.getStats()).delivered === 1);
  });

  test("rows that say the same are one call, and each leaves the table", async () => {
    await enqueue(db, [
      updated("1"),
      updated("2"),
      updated("1"),
      { ...updated("1"), actor: "anna" },
      updated("1"),
    ]);
    const { relay, applied } = relayWith(() => {});
    await relay.start();
    await waitFor(async () => (await count("cache_outbox")) === 0);
    expect(applied).toEqual([updated("1"), updated("2"), { ...updated("1"), actor: "anna" }]);
    expect(await relay.getStats()).toMatchObject({ delivered: 5, coalesced: 2, failed: 0 });
    await relay.close();
  });

  test("at most `concurrency` at a time, at most `batchSize` in hand", async () => {
    await enqueue(
      db,
      Array.from({ length: 30 }, (_, i) => updated(String(i))),
    );
    let running = 0;
    let most = 0;
    const { relay, applied } = relayWith(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      },
      { concurrency: 3, batchSize: 10 },
    );
    await relay.start();
    await waitFor(() => applied.length === 30);
    expect(most).toBe(3);
    await relay.close();
  });

  test("a row stays in the table until its invalidation is in force", async () => {
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await enqueue(db, updated("1"));
    const { relay } = relayWith(() => gate);
    await relay.start();
    await waitFor(async () => (await count("cache_outbox")) === 1);
    expect(await relay.getStats()).toMatchObject({ pending: 1, delivered: 0 });
    const closing = relay.close();
    release();
    await closing;
    expect(await count("cache_outbox")).toBe(0);
  });

  test("closed in the middle of a batch, it applies no more of it, and what is left waits in the table", async () => {
    const ids = ["1", "2", "3", "4", "5"];
    await enqueue(db, ids.map(updated));
    const calls: (() => void)[] = [];
    const { relay, applied } = relayWith(() => new Promise<void>((resolve) => void calls.push(resolve)), {
      concurrency: 1,
    });
    await relay.start();
    await waitFor(() => calls.length === 1);
    const closing = relay.close();
    calls[0]?.();
    await closing;
    expect(applied).toEqual([updated("1")]);
    expect(await count("cache_outbox")).toBe(4);
    expect(await relay.getStats()).toMatchObject({ delivered: 1, coalesced: 0, failed: 0 });
  });

  test("keepDelivered keeps delivered rows in a table of their own", async () => {
    await enqueue(db, updated("1"));
    const { relay, applied } = relayWith(() => {}, { keepDelivered: "1h" });
    await relay.start();
    await waitFor(async () => (await count("cache_outbox_delivered")) === 1);
    expect(applied).toEqual([updated("1")]);
    expect(await count("cache_outbox")).toBe(0);
    await relay.close();
  });
});

describe("failing", () => {
  const flaky = new CacheError({ code: "SICK", message: "Redis is away", retryable: true });

  test("a failure is tried again with growing pauses until it works", async () => {
    await enqueue(db, updated("1"));
    let tries = 0;
    const { relay, applied } = relayWith(
      () => {
        tries += 1;
        if (tries < 4) throw new Error(`try ${tries}`);
      },
      { minBackoff: "10ms", random: () => 0 },
    );
    const pauses: number[] = [];
    relay.on("row:failed", ({ delayMs, counted }) => {
      expect(counted).toBe(true);
      pauses.push(delayMs);
    });
    await relay.start();
    await waitFor(() => applied.length === 1);
    expect(pauses).toEqual([10, 20, 40]);
    await relay.close();
  });

  test("a poison row is put aside after maxAttempts, told, and stops nobody; it can be put back", async () => {
    await enqueue(db, [updated("poison"), updated("1"), updated("2")]);
    let cured = false;
    const { relay, applied } = relayWith(
      ({ entityId }) => {
        if (entityId === "poison" && !cured) throw new Error("a\0b\ud800");
      },
      { minBackoff: "1ms", maxBackoff: "2ms", maxAttempts: 3 },
    );
    const dead: { id: string; attempts: number }[] = [];
    relay.on("row:dead", ({ row }) => void dead.push(row));
    await relay.start();
    await waitFor(() => dead.length === 1);
    expect(applied).toEqual([updated("1"), updated("2")]);
    const { rows } = await db.query("SELECT entity_id, attempts, last_error FROM cache_outbox_dead");
    expect(rows).toEqual([{ entity_id: "poison", attempts: 3, last_error: "Error: a\ufffdb\ufffd" }]);
    expect(await relay.getStats()).toMatchObject({ pending: 0, dead: 1, delivered: 2, failed: 3, died: 1 });

    cured = true;
    const client = {
      query: (text: string, params?: unknown[]) => db.query<Record<string, unknown>>(text, params),
    };
    expect(await requeueDead(client, ["0"])).toBe(0);
    expect(await requeueDead(client, [dead[0]?.id as string])).toBe(1);
    await waitFor(() => applied.length === 3);
    expect(await count("cache_outbox_dead")).toBe(0);
    await relay.close();
  });

  test("a row whose number one of the dead has already, as after a restored backup, is put aside beside it", async () => {
    const sequence = "pg_get_serial_sequence('cache_outbox', 'id')";
    await db.exec(`INSERT INTO cache_outbox_dead (id, event, entity_type, entity_id)
      SELECT last + n, 'entity:updated', 'companies', 'old ' || n
      FROM (SELECT nextval(${sequence}) AS last) AS l, generate_series(1, 3) AS n;
      SELECT setval(${sequence}, (SELECT min(id) - 1 FROM cache_outbox_dead))`);
    for (const id of ["1", "2"]) await enqueue(db, updated(id));
    const poison = (): never => {
      throw new Error("poison");
    };
    await using relay = relayWith(poison, { maxAttempts: 1 }).relay;
    await relay.start();
    await waitFor(async () => (await count("cache_outbox")) === 0);
    const { rows } = await db.query<{ entity_id: string }>(
      "SELECT entity_id FROM cache_outbox_dead ORDER BY id",
    );
    expect(rows.map(({ entity_id }) => entity_id)).toEqual(["old 1", "old 2", "old 3", "1", "2"]);
  });

  test.each([
    [null, undefined],
    [{}, undefined],
    [{ query: () => {} }, "5"],
    [{ query: () => {} }, ["5", "five"]],
    [{ query: () => {} }, [5.5]],
  ])("requeueDead takes a client and numbers, not %j and %j", async (client, ids) => {
    await expect(requeueDead(client as never, ids as never)).rejects.toMatchObject({
      code: "INVALID_OPTION",
    });
  });

  test("a fault of the target never counts against a row, however long it lasts", async () => {
    await enqueue(db, updated("1"));
    let tries = 0;
    const { relay, applied } = relayWith(
      () => {
        tries += 1;
        if (tries <= 5) throw flaky;
      },
      { maxAttempts: 1 },
    );
    await relay.start();
    await waitFor(() => applied.length === 1);
    expect(await relay.getStats()).toMatchObject({ dead: 0, delivered: 1, failed: 5 });
    await relay.close();
  });

  test("a target that hangs fails in time, one that throws is no different", async () => {
    await enqueue(db, [updated("hangs"), updated("throws")]);
    const target = {
      apply({ entityId }: EntityEvent): Promise<unknown> {
        if (entityId === "throws") throw new Error("not even a promise");
        return new Promise(() => {});
      },
    };
    const options = {
      connect: () => connectPglite(db),
      target,
      applyTimeout: "20ms",
      maxAttempts: 1,
    } as const;
    await using relay = createOutboxRelay(options);
    const dead: unknown[] = [];
    relay.on("row:dead", ({ error }) => void dead.push(error));
    await relay.start();
    await waitFor(() => dead.length === 2);
    expect(dead).toEqual([new Error("not even a promise"), expect.any(DeliveryTimeoutError)]);
  });

  test("a listener that throws is reported and stops nobody", async () => {
    const reports: object[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void reports.push(fields) };
    await enqueue(db, updated("1"));
    const { relay, applied } = relayWith(() => {}, { logger });
    const error = new Error("a bad listener");
    relay.on("row:delivered", () => {
      throw error;
    });
    await relay.start();
    await enqueue(db, updated("2"));
    await waitFor(() => applied.length === 2);
    await waitFor(() => reports.length === 2);
    expect(reports).toEqual([{ error }, { error }]);
    await relay.close();
  });
});

describe("the relay itself", () => {
  test("without its table, start says what to do", async () => {
    const { relay } = relayWith(() => {}, { table: "elsewhere" });
    await expect(relay.start()).rejects.toThrow(OutboxMissingError);
    expect(await relay.getStats()).toMatchObject({ connected: false, pending: null, dead: null });
    await relay.close();
  });

  test("is started once, and closed as often as anybody likes", async () => {
    const { relay } = relayWith(() => {});
    await Promise.all([relay.start(), relay.start()]);
    expect(await relay.getStats()).toMatchObject({ connected: true, sessions: 1 });
    await Promise.all([relay.close(), relay.close()]);
    await relay.close();
    expect(await relay.getStats()).toMatchObject({ connected: false });
    const unborn = relayWith(() => {}).relay;
    await unborn.close();
    await expect(unborn.start()).rejects.toThrow(RelayClosedError);
  });

  test("keeps trying while the database is away, and can be closed meanwhile", async () => {
    let tries = 0;
    const downs: number[] = [];
    const { relay } = relayWith(() => {}, {
      random: () => 0,
      connect() {
        tries += 1;
        return tries <= 3 ? Promise.reject(new Error("refused")) : connectPglite(db);
      },
    });
    relay.on("relay:down", ({ delayMs }) => void downs.push(delayMs));
    await relay.start();
    expect(downs).toEqual([50, 100, 200]);
    await relay.close();

    const never = relayWith(() => {}, { connect: () => Promise.reject(new Error("refused")) }).relay;
    const starting = never.start();
    await never.close();
    await expect(starting).rejects.toThrow(RelayClosedError);
  });

  test("a connection attempt or a query that is swallowed does not hold it up", async () => {
    let sessions = 0;
    const { relay } = relayWith(() => {}, {
      queryTimeout: "30ms",
      random: () => 1,
      async connect() {
        sessions += 1;
        if (sessions === 1) return new Promise<never>(() => {});
        const connection = await connectPglite(db);
        if (sessions === 2) return { ...connection, query: () => new Promise<never>(() => {}) };
        return connection;
      },
    });
    const errors: string[] = [];
    relay.on("relay:down", ({ error }) => void errors.push((error as Error).message));
    await relay.start();
    expect(errors).toEqual([
      "No session with PostgreSQL within 30 ms",
      "PostgreSQL did not answer within 30 ms",
    ]);
    await relay.close();
  });

  test.each<[string, Partial<OutboxRelayOptions>]>([
    ["batchSize", { batchSize: 0 }],
    ["concurrency", { concurrency: 1.5 }],
    ["pollInterval", { pollInterval: "1ms" }],
    ["maxAttempts", { maxAttempts: Number.NaN }],
    ["target", { target: {} as never }],
    ["connect", { connect: undefined as never }],
    ["table", { table: "a b" }],
    ["minBackoff", { minBackoff: "2m" }],
    ["keepDelivered", { keepDelivered: -1 }],
  ])("refuses a wrong %s", (name, options) => {
    expect(() => relayWith(() => {}, options)).toThrow(name);
  });
});
