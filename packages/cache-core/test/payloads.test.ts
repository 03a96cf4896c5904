import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { AtomicOperation } from "../src/atomic-operation.ts";
import { createCache, memoryStore } from "../src/index.ts";
import { FORMAT_VERSION } from "../src/key-space.ts";
import { msgpackCodec } from "../src/msgpack/index.ts";
import { createFakeClock } from "../src/testing/index.ts";

/**
 * What this release stores, byte for byte. The next release reads it as it is, or has another `FORMAT_VERSION`, under
 * which nothing of this is ever looked at. `UPDATE_FIXTURES=1` writes the file of a new format; an old one is never changed.
 */
const FILE = join(import.meta.dirname, "fixtures", `entries-format-${FORMAT_VERSION}.json`);
const START_MS = 1_767_225_600_000;

const VALUES: Record<string, unknown> = {
  null: null,
  text: "š 😀",
  row: { id: 1, name: "Acme", since: new Date("2020-01-02T03:04:05.678Z"), tags: ["a"], gone: undefined },
  exact: {
    nan: Number.NaN,
    big: 2n ** 70n,
    map: new Map([["k", new Set([1])]]),
    bytes: Buffer.from([0, 255]),
  },
  long: { text: "compressible ".repeat(200) },
};
const CACHES = {
  json: {},
  deflate: { compression: { thresholdBytes: 500 } },
  brotli: { compression: { thresholdBytes: 500, algorithm: "brotli" } },
  msgpack: { codec: msgpackCodec() },
} as const;

const write: AtomicOperation = {
  name: "fixture:write",
  lua: "return redis.call('SET', KEYS[1], ARGV[1])",
  run(db, keys, args) {
    db.set(keys[0] as string, args[0] as Buffer);
    return 1;
  },
};

async function stored(): Promise<Record<string, string>> {
  const entries: Record<string, string> = {};
  for (const [name, options] of Object.entries(CACHES)) {
    const clock = createFakeClock({ startMs: START_MS });
    const cache = createCache({ store: memoryStore({ clock }), clock, ...options });
    for (const [key, value] of Object.entries(VALUES)) {
      await cache.set(key, value, {
        ttl: "1h",
        staleTtl: "1h",
        tags: key === "row" ? ["companies", "š"] : [],
      });
      const { store, keys } = cache.internals;
      entries[`${name}/${key}`] = ((await store.get(keys.entry(key))) as Buffer).toString("base64");
    }
    await cache.close();
  }
  return entries;
}

describe(`stored payloads of format ${FORMAT_VERSION}`, () => {
  it("are read by this release, with their metadata", async () => {
    if (process.env.UPDATE_FIXTURES === "1") {
      await writeFile(FILE, `${JSON.stringify(await stored(), null, 2)}\n`, { flag: "wx" });
    }
    const fixtures = JSON.parse(await readFile(FILE, "utf8")) as Record<string, string>;
    expect(Object.keys(fixtures).length).toBe(Object.keys(CACHES).length * Object.keys(VALUES).length);
    for (const [name, options] of Object.entries(CACHES)) {
      const clock = createFakeClock({ startMs: START_MS });
      const cache = createCache({ store: memoryStore({ clock }), clock, ...options });
      for (const [key, value] of Object.entries(VALUES)) {
        const bytes = Buffer.from(fixtures[`${name}/${key}`] as string, "base64");
        await cache.internals.store.run(write, [cache.internals.keys.entry(key)], [bytes]);
        expect(await cache.lookup(key), `${name}/${key}`).toEqual({
          value,
          state: "fresh",
          ttl: 3_600,
          expiresIn: 7_200,
          createdAt: new Date(START_MS),
          tags: key === "row" ? ["companies", "š"] : [],
          tier: "store",
        });
      }
      await cache.close();
    }
  });

  it("are what this release writes", async () => {
    const fixtures = JSON.parse(await readFile(FILE, "utf8")) as Record<string, string>;
    const written = await stored();
    // Compressed bytes may differ with the version of zlib; what they hold was read above.
    for (const name of Object.keys(written).filter((each) => /^(json|msgpack)/.test(each))) {
      expect(written[name], name).toBe(fixtures[name]);
    }
  });
});
