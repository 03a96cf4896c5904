import { isOptions } from "../check-options.ts";
import { InvalidOptionError } from "../errors.ts";
import type { RedisStoreOptions } from "./options.ts";

const WAYS = ["client", "url", "nodes", "sentinels", "host"] as const;
const OPTIONS: ReadonlySet<string> = new Set<keyof RedisStoreOptions>([
  ...WAYS,
  "port",
  "username",
  "password",
  "db",
  "tls",
  "name",
  "sentinelPassword",
  "commandTimeout",
  "invalidationTimeout",
  "buckets",
  "redisOptions",
  "clusterOptions",
]);

/**
 * Refuses options that do not say where Redis is, before anything connects: a client that is given nonsense tries it for ever.
 *
 * @throws {InvalidOptionError}
 */
export function checkTarget(options: RedisStoreOptions): void {
  if (!isOptions(options))
    throw wrong("options", options, "an object such as { url: 'redis://127.0.0.1:6379' }");
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined)
    throw wrong(unknown, options[unknown as keyof RedisStoreOptions], "no such option");

  const [way, other] = WAYS.filter((each) => options[each] !== undefined);
  if (way !== undefined && other !== undefined) {
    throw new InvalidOptionError({ options: [way, other], reason: "each names a server; give one" });
  }
  if (way === undefined) throw wrong("url", undefined, "one of client, url, host, nodes, sentinels");

  check(options, "client", isClient, "an ioredis client, Redis or Cluster");
  check(options, "url", isRedisUrl, "a URL such as redis://user:password@host:6379/0, or rediss:// for TLS");
  check(options, "host", isName, "the name or address of a host");
  check(options, "port", isPort, "a whole number from 1 to 65,535");
  check(options, "nodes", areAddresses, "a list of { host, port } that is not empty");
  check(options, "sentinels", areAddresses, "a list of { host, port } that is not empty");
  check(options, "name", isName, "the name of the primary that the sentinels watch");
  check(options, "db", isDatabase, "a whole number from 0");
  for (const name of ["username", "password", "sentinelPassword"] as const) {
    check(options, name, (value) => typeof value === "string", "a string");
  }
  for (const name of ["tls", "redisOptions", "clusterOptions"] as const) {
    check(options, name, isOptions, "an object");
  }
  refusePrefix(options);
  if (way === "sentinels" && options.name === undefined) {
    throw wrong("name", undefined, "the name of the primary that the sentinels watch");
  }
}

/** Scripts make names of keys, to which ioredis would not add it: reads and writes would miss each other. */
function refusePrefix({ url, redisOptions, clusterOptions }: RedisStoreOptions): void {
  const expected = "no keyPrefix; name the cache with `namespace` instead";
  if (url !== undefined && new URL(url).searchParams.has("keyPrefix")) throw wrong("url", url, expected);
  for (const [where, given] of [
    ["redisOptions", redisOptions],
    ["clusterOptions", clusterOptions],
    ["clusterOptions.redisOptions", clusterOptions?.redisOptions],
  ] as const) {
    const { keyPrefix } = (given ?? {}) as { keyPrefix?: unknown };
    if (keyPrefix !== undefined && keyPrefix !== "") throw wrong(`${where}.keyPrefix`, keyPrefix, expected);
  }
}

function check(
  options: RedisStoreOptions,
  name: keyof RedisStoreOptions,
  accepts: (value: unknown) => boolean,
  expected: string,
): void {
  const value = options[name];
  if (value !== undefined && !accepts(value)) throw wrong(name, value, expected);
}

function wrong(option: string, received: unknown, expected: string): InvalidOptionError {
  return new InvalidOptionError({ option, received, expected });
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
}

function isDatabase(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0;
}

function areAddresses(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every(
      (each) =>
        isOptions(each) &&
        isName((each as { host?: unknown }).host) &&
        isPort((each as { port?: unknown }).port),
    )
  );
}

function isClient(value: unknown): boolean {
  const client = value as { options?: unknown; callBuffer?: unknown; status?: unknown } | null;
  return (
    typeof client?.callBuffer === "function" &&
    typeof client.status === "string" &&
    typeof client.options === "object"
  );
}

function isRedisUrl(value: unknown): boolean {
  if (typeof value !== "string" || !/^rediss?:\/\//i.test(value) || !URL.canParse(value)) return false;
  const { hostname, pathname } = new URL(value);
  return hostname !== "" && /^\/?\d*$/.test(pathname);
}
