import { describe, expect, it } from "vitest";
import { Coverage, decodeMessage, encodeMessage, isRecordOnly } from "./coverage.ts";

const nothing = { keys: [], tags: [], ranges: [], soft: false };

describe("Coverage", () => {
  it("covers its keys, its tags, and any tags when they are not known", () => {
    const coverage = new Coverage({ ...nothing, keys: ["k"], tags: ["t"] });
    expect(coverage.covers("k", [])).toBe(true);
    expect(coverage.covers("x", ["s", "t"])).toBe(true);
    expect(coverage.covers("x", ["s"])).toBe(false);
    expect(coverage.covers("x", null)).toBe(true);
    expect(new Coverage({ ...nothing, keys: ["k"] }).covers("x", null)).toBe(false);
  });

  it("covers ranges by prefix and glob, and keys of scopes only when it should", () => {
    const range = { prefix: "a:", skip: "", glob: "a:*:1", scopes: false };
    const coverage = new Coverage({ ...nothing, ranges: [range] });
    expect([coverage.coversKey("a:x:1"), coverage.coversKey("a:x:2"), coverage.coversKey("b:x:1")]).toEqual([
      true,
      false,
      false,
    ]);
    const all = new Coverage({ ...nothing, ranges: [{ prefix: "", skip: "", glob: "*", scopes: false }] });
    expect([all.coversKey("k"), all.coversKey("\u001fs\u001fk")]).toEqual([true, false]);
    const scope = { prefix: "\u001f*\u001f", skip: "\u001f*\u001f", glob: "*", scopes: true };
    const scoped = new Coverage({ ...nothing, ranges: [scope] });
    expect([scoped.coversKey("\u001f*\u001fk"), scoped.coversKey("\u001fs\u001fk")]).toEqual([true, false]);
  });

  it("goes over the bus and comes back the same", () => {
    const parts = {
      keys: ["š"],
      tags: ["t"],
      ranges: [{ prefix: "p", skip: "", glob: "p*", scopes: true }],
      soft: true,
    };
    const message = decodeMessage(encodeMessage("me", parts));
    expect(message?.origin).toBe("me");
    expect(message?.coverage).toMatchObject(parts);
  });

  it("tells records apart from what was invalidated, whatever keys and records hold", () => {
    const tricky = '","a":{"t":"i"}';
    const text = (parts: object) => encodeMessage("me", { ...nothing, ...parts });
    expect(isRecordOnly(text({ record: { t: "i", id: tricky } }))).toBe(true);
    for (const parts of [
      { keys: [tricky] },
      { tags: [tricky], record: { t: "i" } },
      { ranges: [{ prefix: tricky, skip: "", glob: "", scopes: false }], record: {} },
      { soft: true, record: {} },
      {},
    ]) {
      expect(isRecordOnly(text(parts)), JSON.stringify(parts)).toBe(false);
    }
    expect(isRecordOnly("")).toBe(false);
  });

  it.each(["", "{", "null", "1", "[]", '{"k":["a"]}', '{"o":1}'])("does not read %j", (text) => {
    expect(decodeMessage(text)).toBe(null);
  });
});
