import { rateLimitActions } from "../../rate-limit-actions.ts";
import type { ContractHarness } from "./harness.ts";

/** The actions that `rateLimitActions` adds. */
export function describeActions(t: ContractHarness): void {
  const { describe, it, expect, advance } = t;
  describe("the actions of a cache", () => {
    it("count up to the limit, tell how long the window lasts, and forget on request", async () => {
      const limited = t.cache.extend(rateLimitActions());
      expect(await limited.getRateLimitInfo("login:1", 3)).toEqual({ count: 0, remaining: 3, resetIn: 0 });
      for (const remaining of [2, 1, 0]) {
        const { resetIn, ...rest } = await limited.checkRateLimit("login:1", 3, 60);
        expect(rest).toEqual({ allowed: true, remaining });
        expect(resetIn).toBeGreaterThan(58);
        expect(resetIn).toBeLessThanOrEqual(60);
      }
      const refused = await limited.checkRateLimit("login:1", 3, 60);
      expect(refused).toMatchObject({ allowed: false, remaining: 0 });
      expect(refused.resetIn).toBeGreaterThan(58);
      const info = await limited.getRateLimitInfo("login:1", 3);
      expect(info).toMatchObject({ count: 3, remaining: 0 });
      expect(info.resetIn).toBeGreaterThan(58);
      // What was counted is the same, whatever limit it is compared with.
      expect(await limited.getRateLimitInfo("login:1", 2)).toMatchObject({ count: 3, remaining: 0 });
      expect(await limited.getRateLimitInfo("login:1", 9)).toMatchObject({ count: 3, remaining: 6 });
      expect(await limited.checkRateLimit("login:2", 3, 60)).toMatchObject({ allowed: true });
      await limited.resetRateLimit("login:1");
      expect(await limited.checkRateLimit("login:1", 3, 60)).toMatchObject({ allowed: true, remaining: 2 });
    });

    it("a limit that is raised helps at once; a window runs from its first hit to its end", async () => {
      const limited = t.cache.extend(rateLimitActions());
      for (let i = 0; i < 2; i++) await limited.checkRateLimit("k", 2, "300ms");
      expect(await limited.checkRateLimit("k", 2, "300ms")).toMatchObject({ allowed: false });
      expect(await limited.checkRateLimit("k", 3, "300ms")).toMatchObject({ allowed: true, remaining: 0 });
      await advance(310);
      expect(await limited.checkRateLimit("k", 2, "300ms")).toMatchObject({ allowed: true, remaining: 1 });
    });

    it("belong to their scope: tenants do not see one another, whatever they are called", async () => {
      const scopes = ["a", "b", "a:b", "*", "{x}"].map((tenant) =>
        t.cache.scope(tenant).extend(rateLimitActions()),
      );
      const root = t.cache.extend(rateLimitActions());
      for (const each of [...scopes, root]) {
        expect(await each.checkRateLimit("k", 1, 60)).toMatchObject({ allowed: true });
        expect(await each.checkRateLimit("k", 1, 60)).toMatchObject({ allowed: false });
      }
      await root.resetRateLimit("k");
      for (const each of scopes) expect((await each.getRateLimitInfo("k", 1)).count).toBe(1);
    });

    it("are untouched by clear, patterns and tags of the cache", async () => {
      const limited = t.cache.extend(rateLimitActions());
      await limited.checkRateLimit("k", 1, 60);
      await t.cache.setWithTags("k", 1, ["k"], 60);
      await t.cache.invalidatePattern("*");
      await t.cache.invalidateByTag("k");
      await t.cache.del("k");
      await t.cache.clear();
      expect((await limited.getRateLimitInfo("k", 1)).count).toBe(1);
    });
  });
}
