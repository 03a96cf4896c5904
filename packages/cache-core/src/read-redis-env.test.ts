import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidConfigurationError } from "./errors.ts";
import { readRedisEnv } from "./read-redis-env.ts";

const PASSWORD = "hunter2";

describe("readRedisEnv", () => {
  it("is null when nothing is set, or only to the empty text", () => {
    expect(readRedisEnv({})).toBeNull();
    expect(readRedisEnv({ PATH: "/bin", REDIS: "x", REDIS_UNKNOWN: "x" })).toBeNull();
    expect(
      readRedisEnv({
        REDIS_URL: "",
        REDIS_HOST: " ",
        REDIS_PORT: "",
        REDIS_PASSWORD: "",
        REDIS_TLS: undefined,
      }),
    ).toBeNull();
  });

  it.each<[Record<string, string>, object]>([
    [
      { REDIS_URL: "redis://h" },
      { host: "h", port: 6379, db: 0, tls: false, username: undefined, password: undefined },
    ],
    [{ REDIS_URL: "redis://h:1/2" }, { host: "h", port: 1, db: 2 }],
    [{ REDIS_URL: " redis://h/\n" }, { host: "h", db: 0 }],
    [{ REDIS_URL: "REDISS://h" }, { host: "h", tls: true }],
    [
      { REDIS_URL: "rediss://u:p%40%2F%3A@h:7/3" },
      { username: "u", password: "p@/:", port: 7, db: 3, tls: true },
    ],
    [{ REDIS_URL: "redis://:a@b@h" }, { username: undefined, password: "a@b", host: "h" }],
    [{ REDIS_URL: "redis://[::1]:7" }, { host: "::1", port: 7 }],
    [
      { REDIS_URL: "redis://h", REDIS_PASSWORD: PASSWORD, REDIS_USERNAME: "u" },
      { password: PASSWORD, username: "u" },
    ],
    [
      { REDIS_URL: "redis://u@h", REDIS_PASSWORD: PASSWORD },
      { password: PASSWORD, username: "u" },
    ],
    [
      { REDIS_URL: "redis://h", REDIS_DB: "4", REDIS_PORT: "5" },
      { db: 4, port: 5 },
    ],
    [
      {
        REDIS_URL: "rediss://u:p@h:1/2",
        REDIS_HOST: "h",
        REDIS_PORT: "1",
        REDIS_DB: "2",
        REDIS_TLS: "true",
        REDIS_USERNAME: "u",
        REDIS_PASSWORD: "p",
      },
      { host: "h", port: 1, db: 2, tls: true },
    ],
    [{ REDIS_HOST: "h" }, { host: "h", port: 6379, db: 0, tls: false }],
    [{ REDIS_HOST: "[fe80::1]" }, { host: "fe80::1" }],
    [
      { REDIS_HOST: "my_redis.local-1", REDIS_PORT: "1", REDIS_TLS: "TRUE" },
      { host: "my_redis.local-1", port: 1, tls: true },
    ],
    [{ REDIS_HOST: "h", REDIS_TLS: "0" }, { tls: false }],
    [{ REDIS_HOST: "h", REDIS_PASSWORD: " p " }, { password: " p " }],
  ])("%j is one server", (env, expected) => {
    expect(readRedisEnv(env)).toMatchObject({ topology: "standalone", ...expected });
  });

  it("reads the nodes of a Cluster", () => {
    expect(
      readRedisEnv({ REDIS_CLUSTER_NODES: "a:1, b ,[::1]:3", REDIS_PASSWORD: PASSWORD, REDIS_DB: "0" }),
    ).toEqual({
      topology: "cluster",
      nodes: [
        { host: "a", port: 1 },
        { host: "b", port: 6379 },
        { host: "::1", port: 3 },
      ],
      username: undefined,
      password: PASSWORD,
      tls: false,
    });
  });

  it("reads Sentinels and the name of their primary", () => {
    expect(
      readRedisEnv({
        REDIS_SENTINELS: "a,b:2",
        REDIS_SENTINEL_NAME: "primary",
        REDIS_SENTINEL_PASSWORD: "other",
        REDIS_PASSWORD: PASSWORD,
        REDIS_DB: "3",
        REDIS_TLS: "yes",
      }),
    ).toEqual({
      topology: "sentinel",
      sentinels: [
        { host: "a", port: 26379 },
        { host: "b", port: 2 },
      ],
      name: "primary",
      sentinelPassword: "other",
      db: 3,
      username: undefined,
      password: PASSWORD,
      tls: true,
    });
  });

  it.each<[string, Record<string, string>]>([
    ["REDIS_PORT", { REDIS_HOST: "h", REDIS_PORT: "0" }],
    ["REDIS_PORT", { REDIS_HOST: "h", REDIS_PORT: "65536" }],
    ["REDIS_PORT", { REDIS_HOST: "h", REDIS_PORT: "1e3" }],
    ["REDIS_PORT", { REDIS_HOST: "h", REDIS_PORT: "tcp://10.0.0.1:6379" }],
    ["REDIS_DB", { REDIS_HOST: "h", REDIS_DB: "-1" }],
    ["REDIS_DB", { REDIS_HOST: "h", REDIS_DB: "x" }],
    ["REDIS_TLS", { REDIS_HOST: "h", REDIS_TLS: "maybe" }],
    ["REDIS_HOST", { REDIS_HOST: "h:6379" }],
    ["REDIS_HOST", { REDIS_HOST: "redis://h" }],
    ["REDIS_HOST", { REDIS_HOST: "a b" }],
    ["REDIS_CLUSTER_NODES", { REDIS_CLUSTER_NODES: "a:1,,b:2" }],
    ["REDIS_CLUSTER_NODES", { REDIS_CLUSTER_NODES: "a:99999" }],
    ["REDIS_CLUSTER_NODES", { REDIS_CLUSTER_NODES: "redis://a:1" }],
    ["REDIS_SENTINELS", { REDIS_SENTINELS: "a:b", REDIS_SENTINEL_NAME: "m" }],
    ["REDIS_URL", { REDIS_URL: "h:6379" }],
    ["REDIS_URL", { REDIS_URL: "http://h" }],
    ["REDIS_URL", { REDIS_URL: "redis://" }],
    ["REDIS_URL", { REDIS_URL: "redis:///1" }],
    ["REDIS_URL", { REDIS_URL: "redis://h:0" }],
    ["REDIS_URL", { REDIS_URL: "redis://h/x" }],
    ["REDIS_URL", { REDIS_URL: "redis://h/1/2" }],
    ["REDIS_URL", { REDIS_URL: "redis://h?db=1" }],
    ["REDIS_URL", { REDIS_URL: "redis://h?" }],
    ["REDIS_URL", { REDIS_URL: "redis://:%ZZ@h" }],
  ])("names %s when it is wrong: %j", (variable, env) => {
    const error = refusal(env);
    expect(error.variables).toEqual([variable]);
    expect(error.message).toMatch(new RegExp(`^${variable}: expected .+ Correct it, or unset it\\.$`));
  });

  it.each<[string, string, Record<string, string>]>([
    ["REDIS_URL", "REDIS_HOST", { REDIS_URL: "redis://h", REDIS_HOST: "other" }],
    ["REDIS_URL", "REDIS_PORT", { REDIS_URL: "redis://h:1", REDIS_PORT: "2" }],
    ["REDIS_URL", "REDIS_USERNAME", { REDIS_URL: "redis://u:p@h", REDIS_USERNAME: "other" }],
    ["REDIS_URL", "REDIS_PASSWORD", { REDIS_URL: "redis://u:p@h", REDIS_PASSWORD: PASSWORD }],
    ["REDIS_URL", "REDIS_DB", { REDIS_URL: "redis://h/1", REDIS_DB: "2" }],
    ["REDIS_URL", "REDIS_TLS", { REDIS_URL: "redis://h", REDIS_TLS: "true" }],
    ["REDIS_URL", "REDIS_TLS", { REDIS_URL: "rediss://h", REDIS_TLS: "false" }],
    ["REDIS_URL", "REDIS_CLUSTER_NODES", { REDIS_URL: "redis://h", REDIS_CLUSTER_NODES: "h" }],
    [
      "REDIS_URL",
      "REDIS_SENTINELS",
      { REDIS_URL: "redis://h", REDIS_SENTINELS: "h", REDIS_SENTINEL_NAME: "m" },
    ],
    ["REDIS_CLUSTER_NODES", "REDIS_SENTINELS", { REDIS_CLUSTER_NODES: "h", REDIS_SENTINELS: "h" }],
    ["REDIS_CLUSTER_NODES", "REDIS_HOST", { REDIS_CLUSTER_NODES: "h", REDIS_HOST: "h" }],
    ["REDIS_CLUSTER_NODES", "REDIS_PORT", { REDIS_CLUSTER_NODES: "h", REDIS_PORT: "1" }],
    ["REDIS_CLUSTER_NODES", "REDIS_DB", { REDIS_CLUSTER_NODES: "h", REDIS_DB: "1" }],
    ["REDIS_SENTINELS", "REDIS_HOST", { REDIS_SENTINELS: "h", REDIS_SENTINEL_NAME: "m", REDIS_HOST: "h" }],
  ])("names %s and %s when they contradict each other: %j", (first, second, env) => {
    const error = refusal(env);
    expect(error.variables).toEqual([first, second]);
    expect(error.message).toMatch(/contradict.* Unset one of them\.$/);
  });

  it.each<[string, string, Record<string, string>]>([
    ["REDIS_SENTINELS", "REDIS_SENTINEL_NAME", { REDIS_SENTINELS: "h" }],
    ["REDIS_SENTINEL_NAME", "REDIS_SENTINELS", { REDIS_SENTINEL_NAME: "m" }],
    ["REDIS_SENTINEL_PASSWORD", "REDIS_SENTINELS", { REDIS_HOST: "h", REDIS_SENTINEL_PASSWORD: PASSWORD }],
    ["REDIS_USERNAME", "REDIS_PASSWORD", { REDIS_HOST: "h", REDIS_USERNAME: "u" }],
    ["REDIS_USERNAME", "REDIS_PASSWORD", { REDIS_URL: "redis://h", REDIS_USERNAME: "u" }],
    ["REDIS_URL", "REDIS_PASSWORD", { REDIS_URL: "redis://u@h" }],
    ["REDIS_PORT", "REDIS_HOST", { REDIS_PORT: "6379" }],
    ["REDIS_PASSWORD", "REDIS_HOST", { REDIS_PASSWORD: PASSWORD }],
    ["REDIS_TLS", "REDIS_HOST", { REDIS_TLS: "true" }],
  ])("says that %s needs %s: %j", (set, unset, env) => {
    const error = refusal(env);
    expect(error.variables).toEqual([set, unset]);
    expect(error.message).toContain(`Set ${unset}, or unset ${set}.`);
  });

  it("shows a password in no error, however the variables are broken", () => {
    const secret = fc
      .array(fc.constantFrom("@", "/", "#", "?", ":", "%", "%2", " ", "\n", "[", "]", ",", "\\", "é", "x"), {
        maxLength: 6,
      })
      .map((noise) => ["S3CRET", ...noise, "S3CRET"].join(""));
    fc.assert(
      fc.property(secret, fc.constantFrom(...brokenEnvironments()), (password, broken) => {
        try {
          readRedisEnv(broken(password));
        } catch (error) {
          if (!InvalidConfigurationError.isInstance(error)) throw error;
          expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain(
            "S3CRET",
          );
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** Environments with a password in its place and something wrong, or with the password in a wrong place. */
function brokenEnvironments(): ((password: string) => Record<string, string>)[] {
  return [
    (password) => ({ REDIS_URL: `redis://u:${password}@h:6379/0` }),
    (password) => ({ REDIS_URL: `redis://u:${password}@h:x/0` }),
    (password) => ({ REDIS_URL: `redis://${password}` }),
    (password) => ({ REDIS_URL: password }),
    (password) => ({ REDIS_URL: `redis://h/0?password=${password}` }),
    (password) => ({ REDIS_URL: `http://u:${password}@h` }),
    (password) => ({ REDIS_URL: `redis://u:${password}@h`, REDIS_PASSWORD: `other ${password}` }),
    (password) => ({ REDIS_URL: `redis://u:${encodeURIComponent(password)}@h`, REDIS_HOST: "other" }),
    (password) => ({ REDIS_PASSWORD: password }),
    (password) => ({ REDIS_PASSWORD: password, REDIS_HOST: "h", REDIS_PORT: "x" }),
    (password) => ({ REDIS_HOST: `u:${password}@h` }),
    (password) => ({ REDIS_HOST: `redis://u:${password}@h:6379` }),
    (password) => ({ REDIS_PORT: `redis://u:${password}@h:6379`, REDIS_HOST: "h" }),
    (password) => ({ REDIS_CLUSTER_NODES: `redis://u:${password}@a:1,b:2` }),
    (password) => ({ REDIS_CLUSTER_NODES: `a:1:${password}` }),
    (password) => ({ REDIS_SENTINELS: `a:1,u:${password}@b:2`, REDIS_SENTINEL_NAME: "m" }),
    (password) => ({ REDIS_SENTINEL_PASSWORD: password, REDIS_HOST: "h" }),
  ];
}

function refusal(env: Record<string, string>): InvalidConfigurationError {
  try {
    readRedisEnv(env);
  } catch (error) {
    if (InvalidConfigurationError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("It was not refused");
}
