import type { RateLimiter, Subject } from "../../create-rate-limiter.ts";
import type { RateLimitResult } from "../../result.ts";
import { ALGORITHMS, type ContractHarness } from "./harness.ts";

/** Places in a queue. */
export function describeWaiting(t: ContractHarness): void {
  const { describe, it, expect, advance, limiterOf, keysOf } = t;
  describe("waiting", () => {
    for (const algorithm of ALGORITHMS) {
      it(`${algorithm}: places are taken in order, spaced as the rule says`, async () => {
        const limiter = limiterOf({ r: { limit: 2, window: "100ms", algorithm } });
        const order: number[] = [];
        const waits = Promise.all(
          Array.from({ length: 6 }, async (_, i) => {
            const result = await limiter.acquire("u");
            order.push(i);
            return result;
          }),
        );
        await advance(1_000);
        const results = await waits;
        expect(order).toEqual([0, 1, 2, 3, 4, 5]);
        expect(results.every(({ allowed }) => allowed)).toBe(true);
        expect(results[1]?.waited).toBe(0);
        expect(results[5]?.waited ?? 0).toBeGreaterThan(0.15);
        await limiter.close();
      });
    }

    it("a check does not overtake who waits, and a wait that would be too long is refused and spends nothing", async () => {
      const limiter = limiterOf({ r: { limit: 1, window: "200ms", algorithm: "gcra" } });
      await limiter.check("u");
      const place = limiter.acquire("u");
      const before = await settledKeys();
      expect((await limiter.check("u")).allowed).toBe(false);
      const late = await limiter.acquire("u", { maxWait: "210ms" });
      expect(late).toMatchObject({ allowed: false, waited: 0 });
      expect(await settledKeys()).toEqual(before);
      await advance(400);
      expect((await place).allowed).toBe(true);
      await limiter.close();

      async function settledKeys(): Promise<unknown> {
        await limiter.peek("u");
        return [...(await keysOf())].map(([key, { bytes }]) => [key, bytes]);
      }
    });

    it("an abort gives the place to those behind, who move up in order", async () => {
      const limiter = limiterOf({ r: { limit: 1, window: "600ms", algorithm: "gcra" } });
      const leaving = new AbortController();
      const order: string[] = [];
      const wait = async (who: string, signal?: AbortSignal): Promise<number> => {
        const { waited } = await limiter.acquire("u", { signal });
        order.push(who);
        return waited;
      };
      const first = wait("a");
      const second = wait("b");
      const third = wait("c", leaving.signal);
      const thirdLeft = third.then(
        () => "came",
        (reason) => reason,
      );
      const fourth = wait("d");
      await first;
      // The connection that carries the news is made meanwhile.
      await advance(450);
      const reason = new Error("gone");
      leaving.abort(reason);
      expect(await thirdLeft).toBe(reason);
      await advance(1_800);
      await second;
      const waited = await fourth;
      expect(order).toEqual(["a", "b", "d"]);
      expect(waited).toBeGreaterThan(1.19);
      expect(waited).toBeLessThanOrEqual(1.5);
      await limiter.close();
    });

    it("places that are given up one after the other, the last first, are all free again", async () => {
      const limiter = limiterOf({
        turn: { limit: 1, window: "15m", algorithm: "gcra" },
        window: { limit: 5, window: "2h" },
        counter: { limit: 5, window: "2h", algorithm: "sliding-counter" },
        log: { limit: 5, window: "2h", algorithm: "sliding-log" },
      });
      await limiter.check("u");
      const waits = Array.from({ length: 3 }, () => {
        const leaving = new AbortController();
        return { leaving, left: limiter.acquire("u", { maxWait: "1h", signal: leaving.signal }) };
      });
      for (let places = waits.length; places >= 0; places--) {
        const taken = 900 * (places + 1);
        const isTaken = ({ retryAfter }: RateLimitResult): boolean =>
          retryAfter > taken - 900 && retryAfter <= taken;
        expect(await comesTrue(limiter, "u", isTaken), `${places} places`).toBe(true);
        const last = waits[places - 1];
        const reason = new Error("gone");
        last?.leaving.abort(reason);
        if (last !== undefined) await expect(last.left).rejects.toBe(reason);
      }
      await limiter.close();
    });

    it("a place can be given up when what a rule in shadow mode counted beside it is over", async () => {
      const limiter = limiterOf({
        turn: { limit: 2, window: "30m", algorithm: "gcra" },
        trial: { limit: 1, window: "20ms", algorithm: "sliding-log", shadow: true },
      });
      await limiter.check("u");
      const leaving = new AbortController();
      // More than the trial ever allows: it is left as it was.
      const place = limiter.acquire("u", { cost: 2, maxWait: "1h", signal: leaving.signal });
      expect(await comesTrue(limiter, "u", ({ allowed }) => !allowed)).toBe(true);
      await advance(40);
      const reason = new Error("gone");
      leaving.abort(reason);
      await expect(place).rejects.toBe(reason);
      expect(await comesTrue(limiter, "u", ({ allowed }) => allowed)).toBe(true);
      await limiter.close();
    });

    it("a place is given up although others have spent beside it, and what they have spent stays", async () => {
      const limiter = limiterOf({
        user: { limit: 1, window: "10m", algorithm: "gcra", by: "user" },
        address: { limit: 9, window: "2h", by: "ip" },
      });
      const [ada, bob] = [
        { user: "ada", ip: "192.0.2.1" },
        { user: "bob", ip: "192.0.2.1" },
      ];
      /** Whether it soon is so that Ada has to wait so many times 10 minutes, and so much of the address is left. */
      const comesTo = (waits: number, left: number): Promise<boolean> =>
        comesTrue(limiter, ada, ({ limits: [user, address] }) => {
          return Math.ceil((user?.retryAfter ?? 0) / 600) === waits && address?.remaining === left;
        });
      await limiter.check(ada);
      const [first, second] = [new AbortController(), new AbortController()];
      const place = limiter.acquire(ada, { maxWait: "1h", signal: first.signal });
      expect(await comesTo(2, 7)).toBe(true);
      expect((await limiter.check(bob)).allowed).toBe(true);
      const behind = limiter.acquire(ada, { maxWait: "1h", signal: second.signal });
      expect(await comesTo(3, 5)).toBe(true);
      const reason = new Error("gone");
      first.abort(reason);
      await expect(place).rejects.toBe(reason);
      expect(await comesTo(2, 6)).toBe(true);
      second.abort(reason);
      await expect(behind).rejects.toBe(reason);
      expect(await comesTo(1, 7)).toBe(true);
      await limiter.close();
    });

    it("an abort that comes at once leaves nothing behind", async () => {
      const limiter = limiterOf({ r: { limit: 1, window: "1h", algorithm: "sliding-log" } });
      const reason = new Error("early");
      await expect(limiter.acquire("u", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      const leaving = new AbortController();
      const wait = limiter.acquire("u", { signal: leaving.signal });
      leaving.abort(reason);
      await expect(wait).rejects.toBe(reason);
      // Ends when the place has been given up, however late it was taken.
      await limiter.close();
      expect((await limiter.check("u")).allowed).toBe(true);
    });
  });

  /** Whether it soon is so: a place is taken and given up behind the back of the caller. */
  async function comesTrue(
    limiter: Pick<RateLimiter, "peek">,
    subject: Subject,
    isSo: (result: RateLimitResult) => boolean,
  ): Promise<boolean> {
    for (let tries = 0; tries < 100; tries++) {
      if (isSo(await limiter.peek(subject))) return true;
      await advance(2);
    }
    return false;
  }
}
