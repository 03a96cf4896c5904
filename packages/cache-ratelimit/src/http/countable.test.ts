import { describe, expect, it } from "vitest";
import { countable } from "./countable.ts";

describe("countable", () => {
  it("leaves what can be a key as it is, alone and among several", () => {
    expect(countable("user:7")).toBe("user:7");
    expect(countable({ user: "7", ip: "::1" })).toEqual({ user: "7", ip: "::1" });
    expect(countable("k".repeat(1_024))).toBe("k".repeat(1_024));
  });

  it("gives every other text a name of its own, which is a key", () => {
    const texts = ["", "k".repeat(1_025), `${"k".repeat(1_024)}l`, "a\nb", "a\u0085b", "\ud800", "\ud801"];
    const names = texts.map((text) => countable(text) as string);
    expect(new Set(names).size).toBe(texts.length);
    for (const name of names) expect(name).toMatch(/^sha256:[\w-]{43}$/);
    expect(countable({ ip: "::1", token: texts[1] as string })).toEqual({ ip: "::1", token: names[1] });
  });

  it("leaves mistakes of the application to the limiter", () => {
    for (const wrong of [undefined, 7, { user: undefined }]) expect(countable(wrong as never)).toEqual(wrong);
  });
});
