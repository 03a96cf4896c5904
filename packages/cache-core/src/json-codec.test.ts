import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonCodec } from "./json-codec.ts";

const codec = jsonCodec();

describe("jsonCodec", () => {
  it("stores what JSON can as plain JSON", () => {
    // Keys with escapes are not: has-escaped-key.test.ts.
    const plainValues = fc.jsonValue({ stringUnit: fc.constantFrom(..."az:[0,{ é~") });
    fc.assert(
      fc.property(plainValues, (value) => {
        const plain = JSON.parse(JSON.stringify(value));
        const { bytes, hint } = codec.encode(plain);
        expect(hint).toBe(0);
        expect(bytes.toString()).toBe(JSON.stringify(plain));
      }),
      { numRuns: 2000 },
    );
  });

  it("leaves texts that look like tags alone as long as there are no tags", () => {
    const { bytes, hint } = codec.encode(["~M", { a: "~d1" }]);
    expect(hint).toBe(0);
    expect(bytes.toString()).toBe('["~M",{"a":"~d1"}]');
  });

  it("has a stable stored form", () => {
    const stored = (value: unknown) => codec.encode(value).bytes.toString();
    expect(stored([new Date(5), new Date(Number.NaN), undefined, 10n, "~"])).toBe(
      '["~d5","~dNaN","~_","~n10","~~"]',
    );
    expect(stored([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0])).toBe(
      '["~N","~I","~i","~0",0]',
    );
    expect(stored(new Map([["a", new Set([1n])]]))).toBe('["~M","a",["~S","~n1"]]');
    expect(stored([Buffer.from("ab"), new Uint8Array([1])])).toBe('["~bYWI=","~uAQ=="]');
    expect(stored(/a"b/gi)).toBe('"~r[0,\\"gi\\",\\"a\\\\\\"b\\"]"');
    expect(stored(Object.assign(Object.create(null), { a: 1 }))).toBe('["~O",{"a":1}]');
  });

  it("reads the stored form of earlier releases", () => {
    const stored =
      '{"at":"~d1700000000000","none":"~_","m":["~M","k",["~S",1,"~n2"]],"t":"~~x","b":"~bYWI="}';
    expect(codec.decode(Buffer.from(stored), 1)).toEqual({
      at: new Date(1_700_000_000_000),
      none: undefined,
      m: new Map([["k", new Set([1, 2n])]]),
      t: "~x",
      b: Buffer.from("ab"),
    });
  });

  it("refuses what is nested deeper than anything it writes", () => {
    const bytes = Buffer.from(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);
    expect(() => codec.decode(bytes, 1)).toThrow(/deeper/);
  });

  it("has the id and the name that entries are stored with", () => {
    expect({ id: codec.id, name: codec.name }).toEqual({ id: 0, name: "json" });
  });

  it("reads bytes into memory of their own: out of Node's pool they would keep all of it alive", () => {
    const { bytes, hint } = codec.encode([Buffer.from("20 bytes of a digest"), new Uint8Array(20)]);
    for (const read of codec.decode(bytes, hint) as Uint8Array[]) expect(read.buffer.byteLength).toBe(20);
  });
});
