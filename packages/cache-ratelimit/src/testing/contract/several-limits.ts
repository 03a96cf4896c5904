import { ALGORITHMS, type ContractHarness } from "./harness.ts";

/** Limits that are judged together, and calls that are sent together. */
export function describeSeveralLimits(t: ContractHarness): void {
  const { describe, it, expect, limiterOf, keysOf } = t;
  describe("several limits", () => {
    it("H5 are all or nothing: what one refuses spends under none, and all that refuse are named", async () => {
      const limiter = limiterOf({
        second: { limit: 5, window: "1h", algorithm: "gcra" },
        minute: { limit: 8, window: "2h", algorithm: "sliding-log" },
        hour: { limit: 10, window: "3h" },
        day: { limit: 100, window: "1d", algorithm: "sliding-counter" },
      });
      expect((await limiter.check("u", { cost: 5 })).allowed).toBe(true);
      const before = await keysOf();
      const refused = await limiter.check("u", { cost: 4 });
      expect(refused.violated).toEqual(["second", "minute"]);
      const waits = refused.limits.map(({ retryAfter }) => retryAfter);
      expect(refused.retryAfter).toBe(Math.max(...waits));
      expect([...(await keysOf())].map(([key, { bytes }]) => [key, bytes])).toEqual(
        [...before].map(([key, { bytes }]) => [key, bytes]),
      );
      expect(refused.limits.map(({ remaining }) => remaining)).toEqual([0, 3, 5, 95]);
    });

    it("may count different subjects in one step", async () => {
      const limiter = limiterOf({
        user: { limit: 3, window: "1h", by: "user" },
        address: { limit: 2, window: "1h", by: "ip", algorithm: "gcra" },
      });
      expect((await limiter.check({ user: "u1", ip: "10.0.0.1" })).allowed).toBe(true);
      expect((await limiter.check({ user: "u2", ip: "10.0.0.1" })).allowed).toBe(true);
      expect((await limiter.check({ user: "u1", ip: "10.0.0.1" })).violated).toEqual(["address"]);
      expect(
        (await limiter.check({ user: "u1", ip: "10.0.0.2" })).limits.map((limit) => limit.remaining),
      ).toEqual([1, 1]);
    });

    it("in shadow mode judge, spend and report, and never refuse", async () => {
      const limiter = limiterOf({
        real: { limit: 4, window: "1h" },
        trial: { limit: 2, window: "1h", shadow: true },
      });
      for (let i = 0; i < 2; i++) expect((await limiter.check("u")).shadowed).toEqual([]);
      const over = await limiter.check("u");
      expect(over).toMatchObject({ allowed: true, remaining: 1, shadowed: ["trial"], violated: [] });
      await limiter.check("u");
      expect(await limiter.check("u")).toMatchObject({
        allowed: false,
        violated: ["real"],
        shadowed: ["trial"],
      });
      expect((await limiter.check("v", { cost: 4 })).shadowed).toEqual(["trial"]);
    });

    it("may change from call to call", async () => {
      const limiter = limiterOf({
        r: { limit: (subject) => (subject.startsWith("gold") ? 5 : 2), window: "1h", algorithm: "gcra" },
      });
      for (const [subject, limit] of [
        ["gold:1", 5],
        ["iron:1", 2],
      ] as const) {
        for (let i = 0; i < limit; i++) expect((await limiter.check(subject)).allowed).toBe(true);
        expect((await limiter.check(subject)).allowed).toBe(false);
      }
      expect((await limiter.check("iron:1", { limits: { r: 3 } })).allowed).toBe(true);
    });
  });

  describe("the same subject many times in one turn", () => {
    it("H24 is judged as if the calls came one by one", async () => {
      for (const algorithm of ALGORITHMS) {
        const limiter = limiterOf({ r: { limit: 25, window: "1h", algorithm } }, algorithm);
        const results = await Promise.all(Array.from({ length: 100 }, () => limiter.check("u")));
        expect(results.filter(({ allowed }) => allowed).length, algorithm).toBe(25);
        expect(results.slice(0, 25).map(({ remaining }) => remaining)).toEqual(
          Array.from({ length: 25 }, (_, i) => 24 - i),
        );
      }
    });
  });
}
