import { createCache } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  connectPg,
  createOutboxRelay,
  enqueue,
  type OutboxConnection,
} from "@crm/cache-invalidator/postgres";
import { serveWorker } from "@crm/testkit";
import pg from "pg";

/** Where this process ends itself: before its own invalidation, or between it and the removal of the row. */
type DieAt = "commit" | "apply" | "applied" | "never";

const { POSTGRES_URL, CACHE_URL, WITH_OUTBOX } = process.env as Record<string, string>;
let dieAt: DieAt = "never";

function die(at: DieAt): void {
  if (dieAt === at) process.kill(process.pid, "SIGKILL");
}

/** What the relay does, one by one: its queries and what it applies. It may end with one of them, before or while it is answered. */
let steps = 0;
let last: { step: number; when: "before" | "during" } | undefined;

function step<T>(run: () => Promise<T>): Promise<T> {
  steps++;
  if (steps !== last?.step) return run();
  if (last.when === "before") process.kill(process.pid, "SIGKILL");
  setTimeout(() => process.kill(process.pid, "SIGKILL"), Math.random() * 2);
  return run();
}

function counted(connection: OutboxConnection): OutboxConnection {
  return {
    shared: connection.shared,
    query: (text, params) => step(() => connection.query(text, params)),
    listen: (channel, onNotify) => step(() => connection.listen(channel, onNotify)),
    onLost: (handler) => connection.onLost(handler),
    end: () => connection.end(),
  };
}

const cache = createCache({ store: redisStore({ url: CACHE_URL as string }), namespace: "crash" });
const relay = createOutboxRelay({
  connect: async () => counted(await connectPg(new pg.Client({ connectionString: POSTGRES_URL }))),
  target: {
    apply: ({ entityType, entityId }) =>
      step(async () => {
        die("apply");
        await cache.del(`${entityType}:${entityId}`);
        die("applied");
      }),
  },
});
const writer = new pg.Client({ connectionString: POSTGRES_URL });
await writer.connect();
await cache.ready();

serveWorker({
  /** Starts the relay, as an application does when it has come back. Resolves at once, to the moment of the start. */
  start(end?: { step: number; when: "before" | "during" }) {
    last = end;
    if (WITH_OUTBOX === "yes") void relay.start();
    return performance.timeOrigin + performance.now();
  },
  /** Steps of the relay so far. */
  steps: () => steps,
  /** An application's write. It ends this process somewhere between the commit and the invalidation. */
  async write({ id, at }: { id: string; at: DieAt }) {
    dieAt = at;
    await writer.query("BEGIN");
    await writer.query("UPDATE companies SET version = version + 1 WHERE id = $1", [id]);
    if (WITH_OUTBOX === "yes") {
      await enqueue(writer, { event: "entity:updated", entityType: "companies", entityId: id });
    }
    await writer.query("COMMIT");
    die("commit");
    if (WITH_OUTBOX !== "yes") {
      die("apply");
      await cache.del(`companies:${id}`);
    }
  },
});
