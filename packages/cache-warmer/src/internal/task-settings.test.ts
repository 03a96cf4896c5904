import { describe, expect, it } from "vitest";
import { checkSettings, UsualSettings } from "./task-settings.ts";

describe("usual settings", () => {
  it("are made once for all tasks that are given the same, and say what a check says", () => {
    const usual = new UsualSettings();
    const given = [
      {},
      { ttl: 60 },
      { ttl: 60, priority: 9 },
      { ttl: "5m", category: "a" },
      { ttl: 60, category: "ž" },
    ] as const;
    for (const each of given) {
      const made = usual.of(each);
      expect(made).toEqual(checkSettings(each));
      expect(usual.of({ ...each })).toBe(made);
    }
    expect(usual.of({ ttl: 61 })).not.toBe(usual.of({ ttl: 60 }));
    const special = { ttl: 60, retries: 1 };
    expect(usual.of(special)).toEqual(checkSettings(special));
    expect(usual.of({ ttl: 60 }).retries).toBe(undefined);
  });

  it("refuse what looks like something that was accepted", () => {
    const usual = new UsualSettings();
    usual.of({ ttl: 60, priority: 5, category: "a" });
    const wrong: object[] = [
      { priority: "5" },
      { priority: [5] },
      { priority: 5.5 },
      { priority: Number.NaN },
      { priority: -0 },
      { priority: null },
      { priority: "length" },
      { category: ["a"] },
      { category: "a\u0000" },
      { category: new String("a") },
      { ttl: "60" },
      { ttl: Number.NaN },
      { ttl: null },
    ];
    for (const each of wrong) {
      expect(
        () => usual.of({ ttl: 60, priority: 5, category: "a", ...each }),
        JSON.stringify(each),
      ).toThrow();
    }
  });

  it("remember a thousand categories, and not every one there ever was", () => {
    const usual = new UsualSettings();
    for (let n = 0; n < 2_500; n++) usual.of({ category: `c${n}` });
    expect(usual.size).toBeLessThanOrEqual(1_000);
  });
});
