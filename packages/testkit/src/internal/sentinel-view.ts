import { Redis } from "ioredis";

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What one sentinel knows about a primary: the fields of `SENTINEL MASTER`, e.g. `port`, `flags`, `num-slaves`. */
export type SentinelView = Readonly<Record<string, string>>;

/** Runs `read` on a connection of its own that gives up soon: a kept one would hang when its server is paused. */
export async function ask<T>(
  server: Address,
  password: string | undefined,
  read: (client: Redis) => Promise<T>,
): Promise<T> {
  const { host, port } = server;
  const client = new Redis({
    host,
    port,
    ...(password === undefined ? {} : { password }),
    lazyConnect: true,
    retryStrategy: null,
    commandTimeout: 1_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    return await read(client);
  } finally {
    client.disconnect();
  }
}

/** What `sentinel` knows about the primary called `name`. */
export async function viewOf(sentinel: Address, name: string): Promise<SentinelView> {
  return toRecord(await ask(sentinel, undefined, (client) => client.call("SENTINEL", "MASTER", name)));
}

/** What `sentinel` knows about the replicas, e.g. `flags`, `role-reported`, `master-link-status`. */
export async function replicasOf(sentinel: Address, name: string): Promise<SentinelView[]> {
  const reply = await ask(sentinel, undefined, (client) => client.call("SENTINEL", "REPLICAS", name));
  return (reply as unknown[]).map(toRecord);
}

/**
 * Shortens the intervals at which a sentinel works: 1 s and more by default. An old server goes on at its own pace.
 *
 * The ping period not by much: five of them are also how old its knowledge of a replica may be that it promotes, and
 * while the primary is down it asks only once a second.
 */
export async function setPeriods(sentinel: Address, publishMs: number): Promise<void> {
  const words = [
    "INFO-PERIOD",
    "200",
    "PING-PERIOD",
    "500",
    "ASK-PERIOD",
    "100",
    "PUBLISH-PERIOD",
    publishMs,
  ];
  await ask(sentinel, undefined, (client) => client.call("SENTINEL", "DEBUG", ...words).catch(() => {}));
}

/** A flat list of names and values, or what a RESP3 connection makes of it, as an object. */
function toRecord(reply: unknown): SentinelView {
  if (!Array.isArray(reply)) return reply as SentinelView;
  const record: Record<string, string> = {};
  for (let index = 0; index < reply.length; index += 2)
    record[String(reply[index])] = String(reply[index + 1]);
  return record;
}
