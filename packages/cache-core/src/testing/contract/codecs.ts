import { jsonCodec } from "../../json-codec.ts";
import { type Chapter, listen, makeForeign, overwriteEntry } from "./suite.ts";

/** A codec of one's own: JSON with its letters turned round. */
const reversed = {
  id: 9,
  name: "reversed",
  encode: (value: unknown) => {
    const { bytes, hint } = jsonCodec().encode(value);
    return { bytes: Buffer.from(bytes.toString("latin1").split("").reverse().join(""), "latin1"), hint };
  },
  decode: (bytes: Buffer, hint: number) =>
    jsonCodec().decode(Buffer.from(bytes.toString("latin1").split("").reverse().join(""), "latin1"), hint),
};

/** Codecs, compression, and bytes that this library did not write. */
export const codecs: Chapter = ({ expect }, test) => {
  test("JSON carries what databases and programs have, exactly", async (t) => {
    const cache = t.cache();
    const value = {
      nan: Number.NaN,
      infinity: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      big: 2n ** 80n,
      map: new Map<unknown, unknown>([[1, new Set(["a"])]]),
      bytes: Buffer.from([0, 255]),
      gone: undefined,
      looksTagged: "~d0",
    };
    await cache.set("k", value, 60);
    expect(await cache.get("k")).toEqual(value);
    expect(Object.is(await cache.getOrSet("zero", () => -0, 60), -0)).toBe(true);
    expect(Object.is(await cache.get("zero"), -0)).toBe(true);
  });

  test("a codec of one's own, and entries of another codec are fetched anew", async (t) => {
    const [json, own] = [t.cache(), t.cache({ codec: reversed })];
    await json.set("k", { by: "json" }, 60);
    const rejected = listen(own, "entry:rejected");
    expect(await own.get("k")).toBe(null);
    expect(await own.getMany(["k"])).toEqual([null]);
    expect(new Set(rejected.map(({ reason }) => reason))).toEqual(new Set(["codec"]));
    expect(await own.getOrSet("k", () => ({ by: "own" }), 60)).toEqual({ by: "own" });
    expect(await own.get("k")).toEqual({ by: "own" });
    await t.until(async () => (await json.get("k")) === null, "the bus");
    expect(await json.getOrSetMany(["k"], async () => [{ by: "json again" }], 60)).toEqual([
      { by: "json again" },
    ]);
    const lease = await own.lease("k");
    expect(lease.value).toBe(undefined);
    await lease.release();
  });

  test("compression: large values shrink, small and incompressible ones stay, everybody reads both", async (t) => {
    const plain = t.cache();
    const text = { text: "compressible ".repeat(1_000) };
    for (const algorithm of ["deflate", "brotli"] as const) {
      const cache = t.cache({ compression: { algorithm, thresholdBytes: 100 } });
      await cache.set("large", text, 60);
      await cache.set("small", "x", 60);
      expect((await cache.explain("large")).bytes!).toBeLessThanOrEqual(1_000);
      expect((await cache.explain("small")).bytes!).toBeLessThanOrEqual(40);
      for (const reader of [cache, plain]) {
        expect(await reader.get("large")).toEqual(text);
        expect(await reader.get("small")).toBe("x");
      }
      await plain.clear();
    }
  });

  test("a key of another type is a miss with a warning, and the next fill replaces it", async (t) => {
    const cache = t.cache();
    const warnings = listen(cache, "store:warning");
    const name = cache.internals.keys.entry("k");
    await t.store.run(makeForeign, [name], []);
    expect(await cache.get("k")).toBe(null);
    expect(warnings[0]).toMatchObject({ code: "FOREIGN_TYPE" });
    expect(await cache.getMany(["k"])).toEqual([null]);
    expect(await cache.exists("k")).toBe(false);
    expect(await cache.lookup("k")).toBe(undefined);
    expect((await cache.explain("k")).found).toBe("nowhere");
    expect(await cache.getOrSet("k", () => "value", { ttl: 60, tags: ["t"] })).toBe("value");
    expect(await cache.get("k")).toBe("value");
    await t.store.run(makeForeign, [name], []);
    expect(await cache.set("k", "again", 60)).toBe(true);
    expect(await cache.get("k")).toBe("again");
    await t.store.run(makeForeign, [name], []);
    await cache.invalidateByTag("t");
    await cache.invalidatePattern("*", { soft: true });
    await cache.del("k");
    expect(await cache.get("k")).toBe(null);
  });

  test("a key of another type is told also by a cache that has found nothing for long", async (t) => {
    const cache = t.cache();
    const warnings = listen(cache, "store:warning");
    await t.store.run(makeForeign, [cache.internals.keys.entry("k")], []);
    for (let n = 0; n < 32; n++) await cache.getOrSet(`cold:${n}`, () => n, 60);
    expect(await cache.getOrSet("k", () => "value", 60)).toBe("value");
    expect(warnings[0]).toMatchObject({ code: "FOREIGN_TYPE" });
    expect(await cache.get("k")).toBe("value");
  });

  test("bytes of others and damaged entries are misses with an event, and the next fill replaces them", async (t) => {
    const cache = t.cache();
    const name = cache.internals.keys.entry("k");
    const rejected = listen(cache, "entry:rejected");
    const good = await goodBytes();
    const cases: [string, Buffer][] = [
      ["foreign", Buffer.from('{"plain":"json"}')],
      ["foreign", Buffer.from("x")],
      ["damaged", good.subarray(0, 20)],
      ["damaged", good.subarray(0, good.length - 1)],
      ["damaged", Buffer.concat([good.subarray(0, good.length - 1), Buffer.from("!")])],
      ["damaged", Buffer.concat([good, Buffer.from("more")])],
    ];
    async function goodBytes(): Promise<Buffer> {
      await cache.set("k", { a: "value" }, { ttl: 60, tags: ["t"] });
      return Buffer.from((await t.store.get(name))!);
    }
    for (const [reason, bytes] of cases) {
      await cache.del("k");
      await t.store.run(overwriteEntry, [name], [bytes]);
      rejected.length = 0;
      expect(await cache.get("k")).toBe(null);
      expect(rejected).toEqual([{ key: "k", reason }]);
      expect((await cache.explain("k")).state).toBe(reason);
      expect(await cache.lookup("k")).toBe(undefined);
      expect(await cache.exists("k")).toBe(false);
      let calls = 0;
      const fetcher = (): string => {
        calls++;
        return "fetched";
      };
      expect(await cache.getOrSet("k", fetcher, 60)).toBe("fetched");
      expect(await cache.getOrSet("k", fetcher, 60)).toBe("fetched");
      expect(calls).toBe(1);
      await cache.del("k");
      await t.store.run(overwriteEntry, [name], [bytes]);
      expect(await cache.getOrSetMany(["k"], async () => ["many"], 60)).toEqual(["many"]);
      expect(await cache.get("k")).toBe("many");
      await t.store.run(overwriteEntry, [name], [bytes]);
      const lease = await cache.lease("k");
      expect(lease.value).toBe(undefined);
      expect(await lease.fill("by hand", 60)).toBe(true);
    }
  });
};
