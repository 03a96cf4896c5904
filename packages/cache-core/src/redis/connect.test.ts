import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { InvalidOptionError } from "../errors.ts";
import { connect } from "./connect.ts";
import type { RedisLike } from "./redis-like.ts";

/** A client that nobody may touch before it is accepted. */
function clientWith(shape: { isCluster: boolean; options: object }): RedisLike {
  return Object.assign(new EventEmitter(), { status: "ready", ...shape }) as unknown as RedisLike;
}

it("refuses a caller's Cluster client with auto-pipelining, before anything is asked of it", () => {
  const client = clientWith({ isCluster: true, options: { enableAutoPipelining: true } });
  const refusal = expect(() => connect({ client }));
  refusal.toThrow(InvalidOptionError);
  refusal.toThrowErrorMatchingInlineSnapshot(
    `[InvalidOptionError: Option "client": expected a Cluster client without enableAutoPipelining, got the string "a Cluster client with enableAutoPipelining".]`,
  );
  expect(client.eventNames()).toEqual([]);
});

it("takes a Cluster client without it, and a client of one server with it", () => {
  const cluster = clientWith({ isCluster: true, options: { enableAutoPipelining: false } });
  expect(connect({ client: cluster })).toEqual({ client: cluster, topology: "cluster", owned: false });
  const single = clientWith({ isCluster: false, options: { enableAutoPipelining: true } });
  expect(connect({ client: single })).toEqual({ client: single, topology: "standalone", owned: false });
  const sentinel = clientWith({ isCluster: false, options: { sentinels: [] } });
  expect(connect({ client: sentinel }).topology).toBe("sentinel");
});

it("refuses a client with a keyPrefix", () => {
  const client = clientWith({ isCluster: false, options: { keyPrefix: "p:" } });
  expect(() => connect({ client })).toThrow("expected a client without keyPrefix");
});

it.each([
  [false, { stringNumbers: true }],
  [true, { redisOptions: { stringNumbers: true } }],
])("refuses a client that gives numbers as texts: counts would be texts, too", (isCluster, options) => {
  const client = clientWith({ isCluster, options });
  expect(() => connect({ client })).toThrow("expected a client without stringNumbers");
});

it("lets neither options nor the query of a URL change what the guarantees depend on", () => {
  const query = "enableOfflineQueue=true&maxRetriesPerRequest=7&stringNumbers=true&connectionName=mine";
  const redisOptions = { enableOfflineQueue: true, stringNumbers: true, lazyConnect: true };
  for (const url of ["redis://u:p%40ss@127.0.0.1:1/2", `redis://u:p%40ss@127.0.0.1:1/2?${query}`]) {
    const { client } = connect({ url, redisOptions });
    client.disconnect();
    expect(client.options, url).toMatchObject({
      ...{ enableOfflineQueue: false, maxRetriesPerRequest: 0, stringNumbers: false },
      ...{ host: "127.0.0.1", port: 1, db: 2, username: "u", password: "p@ss" },
    });
    if (url.includes("?")) expect(client.options).toMatchObject({ connectionName: "mine" });
  }
});
