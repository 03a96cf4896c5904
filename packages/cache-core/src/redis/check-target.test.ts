import { expect, test } from "vitest";
import { InvalidOptionError } from "../errors.ts";
import { checkTarget } from "./check-target.ts";
import type { RedisStoreOptions } from "./options.ts";

const node = { host: "127.0.0.1", port: 6379 };
const client = { callBuffer() {}, status: "wait", options: {} };

test.each<[string, unknown]>([
  ["a URL", { url: "redis://127.0.0.1:6379" }],
  ["a URL with everything", { url: "rediss://user:p%40ss@[::1]:6380/3" }],
  ["a host", { host: "redis.internal", port: 6379, db: 2, username: "u", password: "p", tls: {} }],
  ["nodes", { nodes: [node], clusterOptions: { natMap: {} }, buckets: 4 }],
  ["sentinels", { sentinels: [node, node], name: "main", sentinelPassword: "p" }],
  ["a client", { client }],
  ["nothing about the other ways", { url: "redis://h", host: undefined }],
])("takes %s", (_, options) => {
  expect(() => checkTarget(options as RedisStoreOptions)).not.toThrow();
});

test.each<[unknown, string]>([
  [null, "options"],
  ["redis://h", "options"],
  [[], "options"],
  [{}, "url"],
  [{ port: 6379 }, "url"],
  [{ url: "" }, "url"],
  [{ url: 5 }, "url"],
  [{ url: "127.0.0.1:6379" }, "url"],
  [{ url: "http://u:p@x" }, "url"],
  [{ url: "redis://h/abc" }, "url"],
  [{ url: "redis://u:hunter2@h:99999" }, "url"],
  [{ host: "" }, "host"],
  [{ host: 5 }, "host"],
  [{ host: "h", port: "6379" }, "port"],
  [{ host: "h", port: 0 }, "port"],
  [{ host: "h", port: 65_536 }, "port"],
  [{ host: "h", db: -1 }, "db"],
  [{ host: "h", db: 1.5 }, "db"],
  [{ host: "h", password: 5 }, "password"],
  [{ host: "h", tls: true }, "tls"],
  [{ nodes: [] }, "nodes"],
  [{ nodes: "h:1" }, "nodes"],
  [{ nodes: [{ host: "h" }] }, "nodes"],
  [{ sentinels: [node] }, "name"],
  [{ sentinels: [node], name: "" }, "name"],
  [{ client: {} }, "client"],
  [{ client: 5 }, "client"],
  [{ url: "redis://h", comandTimeout: "1s" }, "comandTimeout"],
  [{ url: "redis://u:hunter2@h/0?keyPrefix=p:" }, "url"],
  [{ url: "redis://h", redisOptions: { keyPrefix: "p:" } }, "redisOptions.keyPrefix"],
  [{ nodes: [node], clusterOptions: { keyPrefix: "p:" } }, "clusterOptions.keyPrefix"],
  [
    { nodes: [node], clusterOptions: { redisOptions: { keyPrefix: "p:" } } },
    "clusterOptions.redisOptions.keyPrefix",
  ],
])("refuses %j and names %s", (options, option) => {
  const refused = (): void => checkTarget(options as RedisStoreOptions);
  expect(refused).toThrow(InvalidOptionError);
  expect(refused).toThrow(expect.objectContaining({ option }));
});

test("refuses two ways at once", () => {
  const options = { url: "redis://h", nodes: [node] };
  expect(() => checkTarget(options)).toThrow(expect.objectContaining({ options: ["url", "nodes"] }));
});

test("shows no password", () => {
  for (const options of [
    { url: "redis://u:hunter2@h:99999" },
    { host: "h", password: { hunter2: "hunter2" } },
  ]) {
    let error: unknown;
    try {
      checkTarget(options as unknown as RedisStoreOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain("hunter2");
  }
});
