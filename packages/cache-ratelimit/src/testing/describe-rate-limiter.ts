import { type AtomicOperation, type Cache, type Clock, createCache, type Store } from "@crm/cache-core";
import type { ContractExpectation } from "@crm/cache-core/testing";
import { createRateLimiter } from "../create-rate-limiter.ts";
import { rateLimitActions } from "../rate-limit-actions.ts";
import type { Algorithm, RateLimitRule } from "../rules.ts";

/** A store to be tested, and how time passes for it. */
export interface RateLimiterContractStore {
  readonly store: Store;
  readonly clock?: Clock | undefined;
  /** Lets time pass. @default really waits */
  advance?(ms: number): Promise<void>;
}

/** The test runner, passed in: the suite imports none. */
export interface RateLimiterContractRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>): unknown;
  expect(actual: unknown, message?: string): ContractExpectation;
  beforeEach(body: () => Promise<void>): unknown;
  afterEach(body: () => Promise<void>): unknown;
}

const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
let namespaces = 0;

/**
 * What a limiter does, on whatever store: every store of the toolkit passes it unchanged. Holes that were found in
 * other limiters are named by what goes wrong there.
 *
 * @param makeStore called before each test; each test has a namespace of its own
 */
export function describeRateLimiter(
  name: string,
  makeStore: () => Promise<RateLimiterContractStore> | RateLimiterContractStore,
  runner: RateLimiterContractRunner,
): void {
  const { describe, it, expect, beforeEach, afterEach } = runner;
  let made: RateLimiterContractStore;
  let cache: Cache;
  const advance = (ms: number): Promise<void> => (made.advance ?? sleep)(ms);

  beforeEach(async () => {
    made = await makeStore();
    const { store, clock } = made;
    cache = createCache({ store, clock, namespace: `limits-${process.pid}-${++namespaces}` });
    await cache.ready();
  });
  afterEach(() => cache.close());

  /** A limiter that asks the store every time. */
  const limiterOf = <N extends string>(
    rules: Readonly<Record<N, RateLimitRule>>,
    limiterName?: string,
    on?: Cache,
  ) => createRateLimiter(on ?? cache, rules, { name: limiterName, denyCache: false });

  /** Every key of the namespace with its bytes and its time left. */
  async function keysOf(): Promise<Map<string, { bytes: string; ttl: number }>> {
    const found = new Map<string, { bytes: string; ttl: number }>();
    for await (const page of made.store.scan(`${cache.internals.keys.base}q`)) {
      for (const key of page) {
        const [bytes, ttl] = (await made.store.run(inspect, [key], [])) as [Buffer | null, number];
        if (ttl !== -2) found.set(key, { bytes: bytes?.toString("hex") ?? "", ttl });
      }
    }
    return found;
  }

  describe(name, () => {
    describe("the actions of a cache", () => {
      it("count up to the limit, tell how long the window lasts, and forget on request", async () => {
        const limited = cache.extend(rateLimitActions());
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
        expect(await limited.checkRateLimit("login:2", 3, 60)).toMatchObject({ allowed: true });
        await limited.resetRateLimit("login:1");
        expect(await limited.checkRateLimit("login:1", 3, 60)).toMatchObject({ allowed: true, remaining: 2 });
      });

      it("a limit that is raised helps at once; a window runs from its first hit to its end", async () => {
        const limited = cache.extend(rateLimitActions());
        for (let i = 0; i < 2; i++) await limited.checkRateLimit("k", 2, "300ms");
        expect(await limited.checkRateLimit("k", 2, "300ms")).toMatchObject({ allowed: false });
        expect(await limited.checkRateLimit("k", 3, "300ms")).toMatchObject({ allowed: true, remaining: 0 });
        await advance(310);
        expect(await limited.checkRateLimit("k", 2, "300ms")).toMatchObject({ allowed: true, remaining: 1 });
      });

      it("belong to their scope: tenants do not see one another, whatever they are called", async () => {
        const scopes = ["a", "b", "a:b", "*", "{x}"].map((tenant) =>
          cache.scope(tenant).extend(rateLimitActions()),
        );
        const root = cache.extend(rateLimitActions());
        for (const each of [...scopes, root]) {
          expect(await each.checkRateLimit("k", 1, 60)).toMatchObject({ allowed: true });
          expect(await each.checkRateLimit("k", 1, 60)).toMatchObject({ allowed: false });
        }
        await root.resetRateLimit("k");
        for (const each of scopes) expect((await each.getRateLimitInfo("k", 1)).count).toBe(1);
      });

      it("are untouched by clear, patterns and tags of the cache", async () => {
        const limited = cache.extend(rateLimitActions());
        await limited.checkRateLimit("k", 1, 60);
        await cache.setWithTags("k", 1, ["k"], 60);
        await cache.invalidatePattern("*");
        await cache.invalidateByTag("k");
        await cache.del("k");
        await cache.clear();
        expect((await limited.getRateLimitInfo("k", 1)).count).toBe(1);
      });
    });

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
          if (made.advance !== undefined) {
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
          await limiter.block("u", "50ms");
          expect((await limiter.check("u")).allowed).toBe(false);
          await advance(60);
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
          const key = keyOf(cache, "default/r", "u");
          for (const touch of ["check", "peek"] as const) {
            await limiter.check("u", { cost: 2 });
            await made.store.run(persist, [key], []);
            expect((await limiter[touch]("u")).allowed).toBe(false);
            for (const { ttl } of (await keysOf()).values()) expect(ttl).toBeGreaterThan(0);
            await made.store.run(makeForeign, [key], []);
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
          limiterOf({ r: { limit: 1, window: "1h" } }, "a", cache.scope("t")),
          limiterOf({ r: { limit: 1, window: "1h" } }, "a", cache.scope("t").scope("u")),
        ];
        for (const limiter of all) expect((await limiter.check("u")).allowed).toBe(true);
        for (const limiter of all) expect((await limiter.check("u")).allowed).toBe(false);
        const shared = limiterOf({ r: { limit: 1, window: "1h" } }, "a");
        expect((await shared.check("u")).allowed).toBe(false);
      });
    });

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

      it("an abort that comes at once leaves nothing behind", async () => {
        const limiter = limiterOf({ r: { limit: 1, window: "1h", algorithm: "sliding-log" } });
        const reason = new Error("early");
        await expect(limiter.acquire("u", { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
        const leaving = new AbortController();
        const wait = limiter.acquire("u", { signal: leaving.signal });
        leaving.abort(reason);
        await expect(wait).rejects.toBe(reason);
        for (let tries = 0; tries < 100 && (await keysOf()).size > 0; tries++) await advance(2);
        expect((await limiter.check("u")).allowed).toBe(true);
        await limiter.close();
      });
    });

    describe("remembered refusals", () => {
      it("cost no step of the store, and end when this process resets, refunds or unblocks", async () => {
        const limiter = createRateLimiter(cache, { r: { limit: 1, window: "1h" } });
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
        const limiter = createRateLimiter(cache, { r: { limit: 10, window: "200ms", algorithm: "gcra" } });
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
  });

  function sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** Where a limiter keeps what it counts for a subject. */
function keyOf(cache: Cache, part: string, subject: string): string {
  const { keys, prefix } = cache.internals;
  return `${keys.base}q${keys.hashTag(keys.bucketOf(prefix + subject))}:${part}:${prefix}${subject}`;
}

const inspect: AtomicOperation = {
  name: "contract:inspect",
  lua: "local raw = redis.pcall('GET', KEYS[1]) return {type(raw) == 'string' and raw or false, redis.call('PTTL', KEYS[1])}",
  run(db, [key = ""]) {
    try {
      return [db.get(key), db.pttl(key)];
    } catch {
      return [null, db.pttl(key)];
    }
  },
};

const persist: AtomicOperation = {
  name: "contract:persist",
  lua: "return redis.call('PERSIST', KEYS[1])",
  run(db, [key = ""]) {
    const bytes = db.get(key);
    if (bytes !== null) db.set(key, bytes);
    return 1;
  },
};

const makeForeign: AtomicOperation = {
  name: "contract:foreign",
  lua: "redis.call('DEL', KEYS[1]) return redis.call('HSET', KEYS[1], 'a', 'b')",
  run(db, [key = ""]) {
    db.del(key);
    db.hset(key, "a", Buffer.from("b"));
    return 1;
  },
};
