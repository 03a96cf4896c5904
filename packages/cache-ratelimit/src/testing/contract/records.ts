import type { RateLimiter } from "../../create-rate-limiter.ts";
import type { ContractHarness } from "./harness.ts";

/** Rules of a limiter that count one subject lie in one value: what instances do to each other whose rules differ. */
export function describeRecords(t: ContractHarness): void {
  const { describe, it, expect, limiterOf, keysOf } = t;
  const text = (hex: string): string => Buffer.from(hex, "hex").toString("latin1");

  describe("rules that count one subject", () => {
    it("lie under one key, which lives as long as the longest of them", async () => {
      const limiter = limiterOf({
        second: { limit: 5, window: "1s", algorithm: "gcra" },
        hour: { limit: 8, window: "1h" },
        log: { limit: 8, window: "1m", algorithm: "sliding-log" },
      });
      await limiter.check("u");
      const keys = [...(await keysOf()).values()];
      expect(keys.map(({ bytes }) => text(bytes).split(";")[0]).sort()[1]).toBe("second=33,hour=25");
      const ttls = keys.map(({ ttl }) => ttl).sort((a, b) => a - b);
      expect(ttls.length).toBe(2);
      expect(ttls[1]).toBeGreaterThan(3_590_000);
      expect(ttls[1]).toBeLessThanOrEqual(3_600_000);
      await limiter.reset("u");
      expect((await keysOf()).size).toBe(0);
    });

    it("are counted together by instances that have them, and kept by those that do not", async () => {
      const both = {
        a: { limit: 9, window: "1h" },
        b: { limit: 9, window: "1h", algorithm: "gcra" },
      } as const;
      const older = limiterOf(both, "versions");
      const newer = limiterOf({ c: { limit: 9, window: "2h" }, ...both }, "versions");
      const left = async (limiter: Pick<RateLimiter, "check">): Promise<number[]> =>
        (await limiter.check("u")).limits.map(({ remaining }) => remaining);
      expect(await left(older)).toEqual([8, 8]);
      expect(await left(newer)).toEqual([8, 7, 7]);
      expect(await left(older)).toEqual([6, 6]);
      expect(await left(newer)).toEqual([7, 5, 5]);
      await older.block("u", "1h");
      expect(await newer.check("u")).toMatchObject({ allowed: false, violated: ["a", "b"] });
      await older.unblock("u");
      expect(await left(newer)).toEqual([6, 4, 4]);
      await older.refund("u", 3);
      expect(await left(newer)).toEqual([5, 6, 6]);
      await older.reset("u");
      expect(await left(newer)).toEqual([4, 8, 8]);
    });

    it("leave the record when their time is over and nobody has them any more", async () => {
      const older = limiterOf({ a: { limit: 9, window: "1h" }, gone: { limit: 9, window: "1s" } }, "gone");
      const newer = limiterOf({ a: { limit: 9, window: "1h" }, b: { limit: 9, window: "1h" } }, "gone");
      const names = async (): Promise<string[]> =>
        [...(await keysOf()).values()].map(({ bytes }) => text(bytes).split(";")[0] as string);
      await older.check("u");
      await newer.check("u");
      expect(await names()).toEqual(["a=25,b=25,gone=25"]);
      await t.advance(1_050);
      await newer.check("u");
      expect(await names()).toEqual(["a=25,b=25"]);
      expect((await newer.peek("u")).limits.map(({ remaining }) => remaining)).toEqual([6, 7]);
    });

    it("start anew with another algorithm, and the others go on", async () => {
      const day = { limit: 9, window: "1d" } as const;
      const older = limiterOf({ day, minute: { limit: 9, window: "1m" } }, "algorithm");
      for (let i = 0; i < 3; i++) await older.check("u");
      const newer = limiterOf({ day, minute: { limit: 9, window: "1m", algorithm: "gcra" } }, "algorithm");
      expect((await newer.check("u")).limits.map(({ remaining }) => remaining)).toEqual([5, 8]);
      expect((await newer.check("u")).limits.map(({ remaining }) => remaining)).toEqual([4, 7]);
    });
  });
}
