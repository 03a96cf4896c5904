import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import * as errors from "./errors.ts";

const cause = new Error("the cause");

/** One of each class, made the way its callers make it, with its message. */
function samples(): errors.CacheError[] {
  return [
    new errors.InvalidKeyError({ parameter: "key", received: 42 }),
    new errors.InvalidKeyError({
      parameter: "keys[3]",
      received: "a\nb",
      problem: "it holds a control character",
    }),
    new errors.InvalidTagError({ parameter: "tags[0]", received: "" }),
    new errors.InvalidPatternError({ parameter: "pattern", received: null }),
    new errors.InvalidScopeError({ parameter: "scope", received: undefined }),
    new errors.InvalidChannelError({ parameter: "channel", received: ["a"] }),
    new errors.InvalidDurationError({ parameter: "ttl", received: -1 }),
    new errors.InvalidDurationError({ parameter: "staleTtl", received: "5 minutes", zeroAllowed: true }),
    new errors.InvalidOptionError({ option: "jitter", received: 2, expected: "a number from 0 to 0.5" }),
    new errors.InvalidOptionError({
      option: "commandTimeout",
      received: 2_000,
      expected: "a duration from 5 ms to 10000 ms",
    }),
    new errors.InvalidOptionError({
      option: "namespace",
      received: "a b",
      expected: "1 to 64 characters",
      advice: "Name the application.",
    }),
    new errors.InvalidOptionError({ option: "redis.password", received: "hunter2", expected: "a function" }),
    new errors.InvalidOptionError({ options: ["client", "url"] }),
    new errors.InvalidOptionError({
      options: ["softTimeout", "hardTimeout"],
      reason: "the soft one would never be reached",
      advice: "Make softTimeout the shorter one.",
    }),
    new errors.UnserializableValueError({ path: "$.a[3].b", kind: "function" }),
    new errors.UnserializableValueError({ path: "$", kind: "instance", what: "an instance of Company" }),
    new errors.UnserializableValueError({ path: "$.self", kind: "circular" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "too-deep" }),
    new errors.UnserializableValueError({ path: "$", kind: "too-large" }),
    new errors.UnserializableValueError({ path: "$", kind: "undefined" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "symbol" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "symbol-key" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "extra-property" }),
    new errors.UnserializableValueError({ path: "$[1]", kind: "sparse-array" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "to-json" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "unreadable" }),
    new errors.UnserializableValueError({ path: "$.x", kind: "a quaternion" }),
    new errors.UndefinedValueError({ key: "companies:1" }),
    new errors.InvalidConfigurationError({
      variables: ["REDIS_PORT"],
      problem: 'expected a port, got the string "x"',
      advice: "Correct it, or unset it.",
    }),
    new errors.StoreUnavailableError({ operation: "get", reason: "timeout" }),
    new errors.StoreUnavailableError({ operation: "get", reason: "down" }),
    new errors.StoreUnavailableError({ operation: "get", reason: "breaker" }),
    new errors.StoreUnavailableError({ operation: "get", reason: "closed" }),
    new errors.StoreUnavailableError({ operation: "fill", reason: "readonly" }),
    new errors.StoreUnavailableError({ operation: "fill", reason: "error" }),
    new errors.StoreReplyError({ operation: "fill", received: 7 }),
    new errors.StoreReplyError({ operation: "fill", cause: new Error("OOM command not allowed") }),
    new errors.InvalidationPendingError({ keys: ["a", "b", "c", "d", "e"], tags: ["t"], patterns: ["p:*"] }),
    new errors.InvalidationPendingError({}),
    new errors.FetchCycleError({ key: "companies:1" }),
    new errors.FetchTimeoutError({ key: "companies:1", timeoutMs: 250 }),
    new errors.CacheClosedError(),
    new errors.ExtendConflictError({ names: ["acquireLock"] }),
    new errors.InvalidFetcherError({ received: Promise.resolve(1) }),
    new errors.InvalidFetcherError({
      parameter: "fetcher's result",
      expected: "an array of 3 values or a Map",
      received: [1],
    }),
    new errors.InvalidSessionError({ parameter: "id", expected: "an id", received: "s3cr3t-session-id" }),
    new errors.InvalidSessionError({ parameter: "data", expected: "a plain object", received: 5 }),
  ];
}

type ErrorClass = { isInstance(value: unknown): boolean };

/** Every exported class but the base, by its name. */
function classes(module: object): [string, ErrorClass][] {
  return Object.entries(module).filter(([name]) => name.endsWith("Error") && name !== "CacheError");
}

describe("CacheError", () => {
  it("says what was expected, what came and what to do", () => {
    expect(samples().map((error) => `${error.code}: ${error.message}`)).toMatchSnapshot();
  });

  it("has a sample of every class in this test", () => {
    const sampled = new Set(samples().map((error) => error.name));
    expect(classes(errors).map(([name]) => name)).toSatisfy((names: string[]) =>
      names.every((name) => sampled.has(name)),
    );
  });

  it("is recognized by its own class and the base, and by no other", () => {
    for (const error of samples()) {
      expect(errors.CacheError.isInstance(error)).toBe(true);
      const recognizing = classes(errors).filter(([, errorClass]) => errorClass.isInstance(error));
      expect(recognizing.map(([name]) => name)).toEqual([error.name]);
      expect(error).toBeInstanceOf(Error);
    }
  });

  it("is recognized when it comes from another copy of the package", async () => {
    vi.resetModules();
    const copy = await import("./errors.ts");
    const foreign = new copy.InvalidKeyError({ parameter: "key", received: 1 });
    expect(foreign).not.toBeInstanceOf(errors.InvalidKeyError);
    expect(errors.CacheError.isInstance(foreign)).toBe(true);
    expect(errors.InvalidKeyError.isInstance(foreign)).toBe(true);
    expect(errors.InvalidTagError.isInstance(foreign)).toBe(false);
  });

  it("does not recognize what only looks like it", () => {
    const impostor = Object.assign(new Error("x"), { code: "INVALID_KEY", name: "InvalidKeyError" });
    for (const value of [impostor, undefined, null, 1, "INVALID_KEY", {}, () => {}]) {
      expect(errors.CacheError.isInstance(value)).toBe(false);
      expect(errors.InvalidKeyError.isInstance(value)).toBe(false);
    }
  });

  it("can be recognized without the class in front, as a callback", () => {
    const found = samples().filter(errors.FetchTimeoutError.isInstance);
    expect(found.map((error) => error.timeoutMs)).toEqual([250]);
  });

  it("shows its name at the head of the stack, and keeps the brand out of logs", () => {
    const error = new errors.CacheClosedError();
    expect(error.stack).toMatch(/^CacheClosedError: The cache/);
    expect(Object.keys(error).sort()).toEqual(["code", "docsUrl", "retryable"]);
    expect(
      Object.getOwnPropertySymbols(error).filter((key) =>
        Object.prototype.propertyIsEnumerable.call(error, key),
      ),
    ).toEqual([]);
  });

  it("is retryable only where the same call may succeed later", () => {
    const retryable = new Set(
      samples()
        .filter((error) => error.retryable)
        .map((error) => error.code),
    );
    expect([...retryable].sort()).toEqual(["FETCH_TIMEOUT", "INVALIDATION_PENDING", "STORE_UNAVAILABLE"]);
  });

  it("keeps its cause, and has none when none was given", () => {
    expect(new errors.CacheClosedError({ cause }).cause).toBe(cause);
    expect(new errors.StoreUnavailableError({ operation: "get", reason: "down", cause }).cause).toBe(cause);
    expect("cause" in new errors.CacheClosedError()).toBe(false);
  });

  it("has a heading in the documentation for every code", () => {
    const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
    const headings = [...page.matchAll(/^## (.+)$/gm)].map((match) => match[1]);
    const codes = [...new Set(samples().map((error) => error.code))];
    expect(headings).toEqual(expect.arrayContaining(codes));
    for (const error of samples()) expect(error.docsUrl).toBe(`docs/errors.md#${error.code.toLowerCase()}`);
  });
});

describe("secrets", () => {
  it("shows of a session id no more than its length", () => {
    const error = new errors.InvalidSessionError({
      parameter: "id",
      expected: "an id",
      received: "s3cr3t-session-id",
    });
    expect(error.message).toContain("17 characters");
    expect(everythingIn(error)).not.toContain("s3cr3t");
  });

  it("hides the value of an option that is a secret by its name", () => {
    for (const option of ["password", "redis.sentinelPassword", "authToken", "clientSecret"]) {
      const error = new errors.InvalidOptionError({ option, received: "hunter2", expected: "a string" });
      expect(everythingIn(error)).not.toContain("hunter2");
    }
  });

  it("takes the command from the client's error, with its password", () => {
    const reply = Object.assign(new Error("WRONGPASS invalid username-password pair"), {
      name: "ReplyError",
      command: { name: "auth", args: ["default", "hunter2"] },
    });
    for (const error of [
      new errors.StoreUnavailableError({ operation: "get", reason: "error", cause: reply }),
      new errors.StoreReplyError({ operation: "get", cause: reply }),
    ]) {
      expect(error.cause).toMatchObject({ name: "ReplyError", message: reply.message, command: "auth" });
      expect(everythingIn(error)).not.toContain("hunter2");
    }
  });
});

/** What a logger could print of an error. */
function everythingIn(error: Error): string {
  return `${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`;
}
