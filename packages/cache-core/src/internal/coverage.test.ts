import { describe, expect, it } from "vitest";
import { Coverage, decodeCoverage, encodeMessage, splitMessage } from "./coverage.ts";

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
    for (const record of [undefined, { t: "i", k: ["other"] }]) {
      const message = splitMessage(encodeMessage("me", { ...parts, record }));
      expect(message?.origin).toBe("me");
      expect(decodeCoverage(message?.covered ?? "")).toMatchObject(parts);
    }
  });

  it("tells records apart from what was invalidated, whatever keys and records hold", () => {
    const record = { t: "i", id: '","a":{"t":"i"}' };
    const covered = (parts: object) => splitMessage(encodeMessage("me", { ...nothing, ...parts }))?.covered;
    expect(covered({ record })).toBe("");
    for (const tricky of ['","a":{"t":"i"}', ',"a":', ",", "\\", ',"a', "}", "\u2028"]) {
      for (const parts of [
        { keys: [tricky] },
        { keys: [tricky, "a"] },
        { tags: [tricky, tricky] },
        { ranges: [{ prefix: tricky, skip: tricky, glob: tricky, scopes: false }] },
        { soft: true },
      ]) {
        const text = covered({ ...parts, record });
        expect(text, JSON.stringify(parts)).toBe(covered(parts));
        expect(decodeCoverage(text ?? "")).toMatchObject({ ...nothing, ...parts });
      }
    }
  });

  it.each([
    ...["", "{", "null", "1", "[]", '{"k":["a"]}', '{"o":1}', '{"o":"me"', '{"o":"me'],
    ...['{"o":"me",}', '{"o":"me","k":["a"}', '{"o":"me","k":7}', '{"o":"me"x,"a":{}}', '{"o":"me","r":[7]}'],
  ])("does not read %j", (text) => {
    const message = splitMessage(text);
    expect(message === null || (message.covered !== "" && decodeCoverage(message.covered) === null)).toBe(
      true,
    );
  });
});
