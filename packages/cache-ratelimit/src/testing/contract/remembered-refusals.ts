import { createRateLimiter } from "../../create-rate-limiter.ts";
import type { ContractHarness } from "./harness.ts";

/** The cache of refusals in the process. */
export function describeRememberedRefusals(t: ContractHarness): void {
  const { describe, it, expect, advance } = t;
  describe("remembered refusals", () => {
    it("cost no step of the store, and end when this process resets, refunds or unblocks", async () => {
      const limiter = createRateLimiter(t.cache, { r: { limit: 1, window: "1h" } });
      const undo = [() => limiter.reset("u"), () => limiter.refund("u"), () => limiter.unblock("u")];
      for (const [i, forget] of undo.entries()) {
        if (i === 2) await limiter.block("u", "1h");
        else await limiter.check("u");
        expect((await limiter.check("u")).decidedBy).toBe("store");
        const refused = await limiter.check("u");
        expect(refused).toMatchObject({ allowed: false, decidedBy: "memory", violated: ["r"] });
        expect(refused.retryAfter).toBeGreaterThan(3_590);
        await forget();
        expect(await limiter.check("u"), String(i)).toMatchObject({ allowed: true, decidedBy: "store" });
        await limiter.reset("u");
      }
    });

    it("do not outlast the store's own, nor refuse what costs less or is judged by another limit", async () => {
      const limiter = createRateLimiter(t.cache, { r: { limit: 10, window: "200ms", algorithm: "gcra" } });
      await limiter.check("u", { cost: 8 });
      expect((await limiter.check("u", { cost: 5 })).allowed).toBe(false);
      expect((await limiter.check("u", { cost: 6 })).decidedBy).toBe("memory");
      expect((await limiter.check("u", { cost: 6, limits: { r: 100 } })).allowed).toBe(true);
      await limiter.reset("u");
      await limiter.check("u", { cost: 8 });
      const { retryAfter } = await limiter.check("u", { cost: 5 });
      expect((await limiter.check("u", { cost: 1 })).allowed).toBe(true);
      await advance(retryAfter * 1000 + 22);
      expect((await limiter.check("u", { cost: 5 })).allowed).toBe(true);
    });
  });
}
