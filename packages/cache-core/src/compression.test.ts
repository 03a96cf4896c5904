import { randomBytes } from "node:crypto";
import { brotliCompressSync, deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressPayload, decompressPayload } from "./compression.ts";

const MIB = 1024 * 1024;

describe.each(["deflate", "brotli"] as const)("compressPayload by %s", (algorithm) => {
  it("gives the same bytes back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (part, times) => {
        const bytes = Buffer.concat(Array.from({ length: times }, () => part));
        expect(decompressPayload(compressPayload(bytes, algorithm)).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("makes JSON much smaller, and tells the algorithm in the first byte", () => {
    const json = Buffer.from(
      JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, name: `Company ${id}` }))),
    );
    const payload = compressPayload(json, algorithm);
    expect(payload.length).toBeLessThan(json.length / 3);
    expect(payload[0]).toBe(algorithm === "deflate" ? 1 : 2);
  });

  it("stores what would not become smaller as it is, at the cost of one byte", () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from("a"), randomBytes(5000)]) {
      const payload = compressPayload(bytes, algorithm);
      expect(payload.length).toBe(bytes.length + 1);
      expect(payload[0]).toBe(0);
      expect(decompressPayload(payload).equals(bytes)).toBe(true);
    }
  });

  it("reads from the middle of a larger buffer", () => {
    const payload = compressPayload(Buffer.alloc(1000, 7), algorithm);
    const surrounded = Buffer.concat([Buffer.from("head"), payload]);
    expect(decompressPayload(surrounded.subarray(4)).equals(Buffer.alloc(1000, 7))).toBe(true);
  });

  it("throws on damaged bytes and never crashes", () => {
    const payload = compressPayload(Buffer.from("some text that repeats, ".repeat(40)), algorithm);
    for (let length = 0; length < payload.length; length++) {
      expect(() => decompressPayload(payload.subarray(0, length))).toThrow(Error);
    }
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Buffer.from(payload);
        damaged[at] = byte;
        try {
          decompressPayload(damaged, MIB);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("decompressPayload", () => {
  it("stops a bomb at the given bound, however large it would become", () => {
    const megabytes = Buffer.alloc(8 * MIB);
    const bombs = [
      Buffer.concat([Buffer.from([1]), deflateRawSync(megabytes)]),
      Buffer.concat([Buffer.from([2]), brotliCompressSync(megabytes)]),
    ];
    for (const bomb of bombs) {
      expect(bomb.length).toBeLessThan(10_000);
      expect(() => decompressPayload(bomb, MIB)).toThrow(RangeError);
      expect(decompressPayload(bomb, 8 * MIB).length).toBe(8 * MIB);
    }
    expect(() => decompressPayload(Buffer.alloc(11), 9)).toThrow(RangeError);
  });

  it("stops at 256 MiB by default", { timeout: 60_000 }, () => {
    const bomb = Buffer.concat([Buffer.from([1]), deflateRawSync(Buffer.alloc(256 * MIB + 1), { level: 1 })]);
    expect(() => decompressPayload(bomb)).toThrow(RangeError);
  });

  it("refuses algorithms that it does not know, and nothing at all", () => {
    for (const first of [3, 4, 123, 255])
      expect(() => decompressPayload(Buffer.from([first, 1, 2]))).toThrow(/Unknown/);
    expect(() => decompressPayload(Buffer.alloc(0))).toThrow(/Unknown/);
  });
});
