import { pack, unpack } from "msgpackr";
import { describe, expect, it } from "vitest";
import * as entryPoint from "./index.ts";

const codec = entryPoint.msgpackCodec();

describe("msgpackCodec", () => {
  it("is all that its entry point exports", () => {
    expect(Object.keys(entryPoint)).toEqual(["msgpackCodec"]);
  });

  it("has the id and the name that entries are stored with", () => {
    expect({ id: codec.id, name: codec.name }).toEqual({ id: 1, name: "msgpack" });
  });

  it("writes standard MessagePack that any reader understands", () => {
    const value = { a: [1, -1, 1.5, "text", null, true], b: { c: 2 ** 40 } };
    const { bytes, hint } = codec.encode(value);
    expect(hint).toBe(0);
    expect(unpack(bytes)).toEqual(value);
    expect(codec.decode(Buffer.from(pack(value)), 0)).toEqual(value);
  });

  it("stores bytes as bytes", () => {
    const { bytes } = codec.encode({ b: Buffer.alloc(300, 1), u: new Uint8Array(300) });
    expect(bytes.length).toBeLessThan(630);
  });

  it("has a stable stored form", () => {
    const value = { at: new Date(5), m: new Map([["k", new Set([1n])]]), __proto__: null };
    const { bytes, hint } = codec.encode(value);
    expect(hint).toBe(1);
    expect(unpack(bytes)).toEqual(["~O", { at: "~d5", m: ["~M", "k", ["~S", "~n1"]] }]);
    expect(unpack(codec.encode(JSON.parse('{"__proto__":1,"a":"\\ud800"}')).bytes)).toEqual([
      "~E",
      "__proto__",
      1,
      "a",
      '~j"\\ud800"',
    ]);
  });

  it("refuses bytes behind the value", () => {
    const { bytes } = codec.encode({ a: 1 });
    expect(() => codec.decode(Buffer.concat([bytes, bytes]), 0)).toThrow();
  });

  it("reads bytes into memory of their own: as a slice they would keep the whole reply alive", () => {
    const { bytes, hint } = codec.encode([Buffer.from("20 bytes of a digest"), new Uint8Array(20)]);
    for (const read of codec.decode(bytes, hint) as Uint8Array[]) expect(read.buffer.byteLength).toBe(20);
  });
});
