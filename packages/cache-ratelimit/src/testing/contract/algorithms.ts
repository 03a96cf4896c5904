import { ALGORITHMS, type ContractHarness } from "./harness.ts";
import { keyOf, makeForeign, persist } from "./stored-keys.ts";

/** What every algorithm does. */
export function describeAlgorithms(t: ContractHarness): void {
  const { describe, it, expect, advance, limiterOf, keysOf } = t;
  describe("each algorithm", () => {
    for (const algorithm of ALGORITHMS) {
      it(`${algorithm}: allows the limit and not one more, in order of cost`, async () => {
        const limiter = limiterOf({ r: { limit: 10, window: "1h", algorithm } });
        expect(await limiter.check("u", { cost: 4 })).toMatchObject({
          allowed: true,
          remaining: 6,
          violated: [],
        });
        const refused = await limiter.check("u", { cost: 7 });
        expect(refused).toMatchObject({
          allowed: false,
          remaining: 6,
          violated: ["r"],
          decidedBy: "store",
        });
        expect(refused.retryAfter).toBeGreaterThan(0);
        expect(await limiter.check("u", { cost: 6 })).toMatchObject({
          allowed: true,
          remaining: 0,
          retryAfter: 0,
        });
        expect(await limiter.check("u")).toMatchObject({ allowed: false, remaining: 0 });
      });

      it(`${algorithm}: after exactly retryAfter it fits, to the ms`, async () => {
        const limiter = limiterOf({ r: { limit: 3, window: "250ms", algorithm } });
        for (let i = 0; i < 3; i++) await limiter.check("u");
        const { retryAfter } = await limiter.check("u");
        if (t.made.advance !== undefined) {
          await advance(Math.round(retryAfter * 1000) - 1);
          expect(await limiter.peek("u")).toMatchObject({ allowed: false, retryAfter: 0.001 });
          await advance(1);
        } else await advance(retryAfter * 1000 + 1);
        expect(await limiter.check("u")).toMatchObject({ allowed: true });
      });

      it(`H4 a denied call spends nothing, ${algorithm}: bytes and expiry are as before, also after a peek`, async () => {
        const limiter = limiterOf({ r: { limit: 10, window: "1h", algorithm } });
        await limiter.check("u", { cost: 5 });
        const before = await keysOf();
        for (let i = 0; i < 5; i++) expect((await limiter.check("u", { cost: 10 })).allowed).toBe(false);
        for (let i = 0; i < 5; i++) await limiter.peek("u", { cost: 3 });
        const after = await keysOf();
        expect([...after.keys()]).toEqual([...before.keys()]);
        for (const [key, { bytes, ttl }] of before) {
          expect(after.get(key)?.bytes).toBe(bytes);
          expect(after.get(key)?.ttl ?? 0).toBeLessThanOrEqual(ttl);
          expect(after.get(key)?.ttl ?? 0).toBeGreaterThan(ttl - 5_000);
        }
        for (let i = 0; i < 5; i++) expect((await limiter.check("u")).allowed).toBe(true);
      });

      it(`H10 ${algorithm}: a penalty locks out for two windows at most; refund gives back, reset forgets`, async () => {
        const limiter = limiterOf({ r: { limit: 4, window: "1h", algorithm } });
        await limiter.check("u", { cost: 4 });
        expect(await limiter.refund("u", 3)).toMatchObject({ remaining: 3 });
        expect(await limiter.refund("u", 100)).toMatchObject({ remaining: 4 });
        expect(await limiter.refund("nobody", 100)).toMatchObject({ remaining: 4 });
        for (let i = 0; i < 30; i++) await limiter.penalty("u", 4);
        const punished = await limiter.check("u");
        expect(punished.allowed).toBe(false);
        expect(punished.retryAfter).toBeLessThanOrEqual(7_200);
        expect(await limiter.reset("u")).toMatchObject({ allowed: true, remaining: 4, resetIn: 0 });
        expect((await keysOf()).size).toBe(0);
      });

      it(`${algorithm}: a block refuses whatever is left, ends by itself or on request, and spends nothing`, async () => {
        const limiter = limiterOf({ r: { limit: 4, window: "1h", algorithm } });
        await limiter.check("u");
        await limiter.block("u", "2h");
        const refused = await limiter.check("u");
        expect(refused).toMatchObject({ allowed: false, remaining: 0 });
        expect(refused.retryAfter).toBeGreaterThan(7_190);
        expect(await limiter.unblock("u")).toMatchObject({ remaining: 3 });
        await limiter.block("u", "150ms");
        expect((await limiter.check("u")).allowed).toBe(false);
        await advance(160);
        expect(await limiter.check("u")).toMatchObject({ allowed: true, remaining: 2 });
      });

      it(`H1 a sub-second window expires, ${algorithm}: no key stays behind`, async () => {
        const limiter = limiterOf({ r: { limit: 2, window: "0.5ms", algorithm } });
        await limiter.check("u");
        const slow = limiterOf({ s: { limit: 2, window: "40ms", algorithm } });
        await slow.check("u");
        for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeLessThanOrEqual(80);
        await advance(90);
        expect((await keysOf()).size).toBe(0);
      });

      it(`H2 a key without expiry, or of another type, is mended, ${algorithm}`, async () => {
        const limiter = limiterOf({ r: { limit: 2, window: "1h", algorithm } });
        const key = keyOf(t.cache, "default/r", "u");
        for (const touch of ["check", "peek"] as const) {
          await limiter.check("u");
          await t.made.store.run(persist, [key], []);
          expect((await limiter[touch]("u")).allowed).toBe(true);
          for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeGreaterThan(0);
          await limiter.reset("u");
          await limiter.check("u", { cost: 2 });
          await t.made.store.run(persist, [key], []);
          expect((await limiter[touch]("u")).allowed).toBe(false);
          for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeGreaterThan(0);
          await t.made.store.run(makeForeign, [key], []);
          expect((await limiter[touch]("u")).allowed).toBe(true);
          for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeGreaterThan(0);
          await limiter.reset("u");
        }
      });

      it(`H3 every key has its expiry from the first call on, ${algorithm}`, async () => {
        const limiter = limiterOf({ r: { limit: 5, window: "1h", algorithm } });
        for (let i = 0; i < 8; i++) {
          await limiter.check(`u${i % 2}`);
          for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeGreaterThan(0);
        }
      });

      it(`${algorithm}: windows of 1 ms and of 400 days, limits of 1 and of thousands`, async () => {
        for (const window of ["1ms", "400d"] as const) {
          for (const limit of [1, 20_000]) {
            const limiter = limiterOf({ r: { limit, window, algorithm } }, `w-${window}-${limit}`);
            const result = await limiter.check("u", { cost: limit });
            expect(result, `${window} ${limit}`).toMatchObject({ allowed: true, remaining: 0 });
            if (window === "400d") expect((await limiter.check("u")).retryAfter).toBeGreaterThan(1_000);
          }
        }
      });
    }
  });
}
