import { describe, expect, it } from "vitest";
import {
  resolveEntryDefaults,
  resolveEntryOptions,
  resolveMemoryTier,
  resolveSetOptions,
} from "./resolve-options.ts";

describe("resolveEntryOptions", () => {
  const defaults = resolveEntryDefaults(undefined);

  it("has the defaults of the README", () => {
    expect(defaults).toEqual({
      ttlMs: 300_000,
      staleMs: 0,
      nullMs: 0,
      jitter: 0,
      earlyRefresh: 0,
      softMs: 0,
      hardMs: 0,
      failSafeMs: 0,
      throttleMs: 10_000,
    });
  });

  it("takes the call over the instance over the default; an explicit undefined decides nothing", () => {
    const instance = resolveEntryDefaults({ ttl: 10, staleTtl: "1m", jitter: undefined });
    expect(resolveEntryOptions({ ttl: undefined, staleTtl: 0 }, instance)).toMatchObject({
      ttlMs: 10_000,
      staleMs: 0,
      jitter: 0,
    });
    expect(resolveEntryOptions("2s", instance)).toMatchObject({ ttlMs: 2_000, staleMs: 60_000 });
    expect(resolveEntryOptions(undefined, instance)).toBe(instance);
  });

  it("takes tags without repetitions, in a copy", () => {
    const tags = ["a", "b", "a"];
    const resolved = resolveSetOptions({ tags }, defaults);
    tags.push("c");
    expect(resolved.tags).toEqual(["a", "b"]);
  });
});

describe("resolveMemoryTier", () => {
  it("is off unless asked for, and bounded", () => {
    expect([resolveMemoryTier(undefined), resolveMemoryTier(false)]).toEqual([null, null]);
    expect(resolveMemoryTier(true)).toEqual({
      maxEntries: 10_000,
      maxBytes: 67_108_864,
      maxEntryBytes: 1_048_576,
      ttlMs: 60_000,
      maxSilenceMs: 1_000,
    });
    expect(resolveMemoryTier({ maxBytes: 640, ttl: "5s" })).toMatchObject({
      maxEntryBytes: 10,
      ttlMs: 5_000,
    });
  });
});
