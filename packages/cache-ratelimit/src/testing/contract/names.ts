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
