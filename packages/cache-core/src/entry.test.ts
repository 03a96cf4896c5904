import { describe, expect, it } from "vitest";
import { entryBytes, FLAG_MARKED_STALE, headerBytes, packEntry, parseEntry } from "./entry.ts";

const content = {
  codecId: 9,
  hint: 3,
  compressed: true,
  costMs: 12.4,
  tags: ["a", "š"],
  payload: Buffer.from("payload"),
};
const times = { createdAt: 1_795_000_000_000, freshMs: 1_000, totalMs: 2_000 };
const read = { createdAt: 1_795_000_000_000, freshUntil: 1_795_000_001_000, expiresAt: 1_795_000_002_000 };
const bytes = entryBytes(packEntry(content), content.tags, times);

describe("an entry", () => {
  it("comes back from its bytes as it was", () => {
    expect(parseEntry(bytes)).toEqual({ ...content, ...read, costMs: 12, markedStale: false });
    const plain = { ...content, compressed: false, tags: [], payload: "š" };
    const parsed = parseEntry(entryBytes(packEntry(plain), [], times));
    expect(parsed).toMatchObject({ compressed: false, tags: [], payload: Buffer.from("š") });
  });

  it("has the layout that its documentation gives", () => {
    // Compressed, with tags, "lives for" and a cost.
    expect(bytes[0]).toBe(0xc0 | 1 | 2 | 16 | 32);
    expect(bytes[1]).toBe(0x93);
    expect(bytes.readUIntBE(2, 6)).toBe(times.createdAt);
    expect([bytes.readUInt32BE(8), bytes.readUInt32BE(12), bytes.readUInt16BE(16)]).toEqual([
      1_000, 2_000, 12,
    ]);
    const header = headerBytes(bytes[0] as number);
    expect(bytes.subarray(header + 2, header + 6).toString()).toBe("a\0š");
  });

  it("is never fresh once it is marked stale, whatever the reader's clock", () => {
    const marked = Buffer.from(bytes);
    marked[0] = (marked[0] as number) | FLAG_MARKED_STALE;
    expect(parseEntry(marked)).toMatchObject({ markedStale: true, freshUntil: 0 });
  });

  it("is none when a byte behind the header is damaged, missing or too many", () => {
    for (let at = headerBytes(bytes[0] as number); at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 1;
      expect(parseEntry(damaged)).toBe(null);
    }
    for (let length = 0; length < bytes.length; length++)
      expect(parseEntry(bytes.subarray(0, length))).toBe(null);
    expect(parseEntry(Buffer.concat([bytes, Buffer.from([0])]))).toBe(null);
    expect(parseEntry(Buffer.from('{"a":1}'))).toBe(null);
  });

  it("keeps durations of years, then to the second", () => {
    const years = { createdAt: times.createdAt, freshMs: 157_680_000_000, totalMs: 315_360_000_000 };
    expect(parseEntry(entryBytes(packEntry(content), content.tags, years))).toMatchObject({
      freshUntil: times.createdAt + years.freshMs,
      expiresAt: times.createdAt + years.totalMs,
    });
  });

  it("keeps a cost within two bytes", () => {
    expect([
      packEntry({ ...content, costMs: 1e9 }).costMs,
      packEntry({ ...content, costMs: -1 }).costMs,
    ]).toEqual([65_535, 0]);
  });
});
