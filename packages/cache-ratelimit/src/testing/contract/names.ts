import type { ContractHarness } from "./harness.ts";

/** Names are data, and keep apart. */
export function describeNames(t: ContractHarness): void {
  const { describe, it, expect, limiterOf } = t;
  describe("H6 names", () => {
    it("are data: a reset touches the one subject that it names", async () => {
      const limiter = limiterOf({ r: { limit: 1, window: "1h" } });
      const subjects = ["acct", "acct:42", "acct*", "*", "?", "[a-z]*", "acct\\", "{acct}", "ACCT", "š😀"];
      for (const subject of subjects) await limiter.check(subject);
      await limiter.reset("*");
      await limiter.reset("acct");
      for (const subject of subjects) {
        expect((await limiter.peek(subject)).allowed, subject).toBe(subject === "*" || subject === "acct");
      }
    });

    it("of rules may be those of what every object has", async () => {
      const limiter = limiterOf({
        constructor: { limit: 1, window: "1h" },
        r: { limit: 2, window: "1h" },
      });
      expect((await limiter.check("u", { limits: {} })).allowed).toBe(true);
      expect((await limiter.check("u", { limits: { constructor: 2 } })).allowed).toBe(true);
      expect((await limiter.check("u")).violated).toEqual(["constructor", "r"]);
    });

    it("of limiters, rules and scopes keep apart", async () => {
      const all = [
        limiterOf({ r: { limit: 1, window: "1h" } }, "a"),
        limiterOf({ r: { limit: 1, window: "1h" } }, "b"),
        limiterOf({ s: { limit: 1, window: "1h" } }, "a"),
        limiterOf({ r: { limit: 1, window: "1h" } }, "a", t.cache.scope("t")),
        limiterOf({ r: { limit: 1, window: "1h" } }, "a", t.cache.scope("t").scope("u")),
      ];
      for (const limiter of all) expect((await limiter.check("u")).allowed).toBe(true);
      for (const limiter of all) expect((await limiter.check("u")).allowed).toBe(false);
      const shared = limiterOf({ r: { limit: 1, window: "1h" } }, "a");
      expect((await shared.check("u")).allowed).toBe(false);
    });
  });
}
