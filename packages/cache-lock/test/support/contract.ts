import { waitFor } from "@crm/testkit";
import { createFencedValues, LockLostError } from "../../src/index.ts";
import { aborted, deferred, expect, type LockTest, sleep } from "./suite.ts";

type Chapter = (test: (title: string, body: (t: LockTest) => Promise<void>) => void) => void;

/** Waits until so many wait for a lock. */
async function queued(t: LockTest, name: string, count: number): Promise<void> {
  const locks = t.locks();
  await waitFor(async () => (await locks.inspect(name)).waiters === count, {
    description: `${count} waiters of ${name}`,
  });
}

const mutex: Chapter = (test) => {
  test("one holds it, others are told that it is busy, and a refusal changes nothing", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    const lock = await one.acquire("a", { ttl: "10s" });
    expect(lock).toMatchObject({ name: "a", held: true });
    expect(lock.signal.aborted).toBe(false);
    const before = await two.inspect("a");
    expect(await two.tryAcquire("a")).toBe(null);
    await expect(two.acquire("a", { wait: 0 })).rejects.toMatchObject({ code: "LOCK_BUSY", lock: "a" });
    const after = await two.inspect("a");
    expect(after).toMatchObject({ fence: before.fence, waiters: 0 });
    expect(after.holder!.ttl).toBeLessThanOrEqual(before.holder!.ttl);
    expect(await lock.release()).toBe(true);
    expect(lock.held).toBe(false);
    expect(await lock.release()).toBe(false);
    const next = (await two.tryAcquire("a"))!;
    expect(next.fence).toBeGreaterThan(lock.fence);
    await next.release();
  });

  test("await using gives it back, also when the block throws", async (t) => {
    const locks = t.locks();
    const error = new Error("body");
    await expect(
      (async () => {
        await using lock = await locks.acquire("a");
        expect(lock.held).toBe(true);
        throw error;
      })(),
    ).rejects.toBe(error);
    expect((await locks.inspect("a")).holder).toBe(null);
  });

  test("withLock resolves and rejects as its body does", async (t) => {
    const locks = t.locks();
    expect(await locks.withLock("a", async (lock) => `got ${lock.name}`)).toBe("got a");
    expect(await locks.withLock("a", { ttl: "5s" }, () => 2)).toBe(2);
    await expect(locks.withLock("a", () => Promise.reject(new TypeError("mine")))).rejects.toThrow("mine");
    expect((await locks.inspect("a")).holder).toBe(null);
  });

  test("it is renewed while it is held, and ends by itself when it is not", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    const renewed = await one.acquire("a", { ttl: "150ms" });
    const lapsing = await one.acquire("b", { ttl: "150ms", renew: false });
    const signal = lapsing.signal;
    await sleep(400);
    expect(renewed.held).toBe(true);
    expect(await two.tryAcquire("a")).toBe(null);
    expect(lapsing.held).toBe(false);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(signal.reason).toMatchObject({ reason: "expired", lock: "b" });
    const next = (await two.tryAcquire("b"))!;
    expect(next.fence).toBeGreaterThan(lapsing.fence);
    expect(await lapsing.release()).toBe(false);
    expect(next.held).toBe(true);
    await next.release();
    await renewed.release();
  });

  test("extend begins the lease anew, and says when there is none", async (t) => {
    const locks = t.locks();
    const lock = await locks.acquire("a", { ttl: "10s", renew: false });
    expect(await lock.extend("60s")).toBe(true);
    expect((await locks.inspect("a")).holder!.ttl).toBeGreaterThan(50);
    await locks.forceRelease("a");
    expect(await lock.extend()).toBe(false);
    const other = await locks.acquire("a");
    await other.release();
    await expect(other.extend()).rejects.toMatchObject({ code: "LOCK_NOT_OWNER" });
  });

  test("fences only grow", async (t) => {
    const locks = t.locks();
    let last = 0;
    for (let i = 0; i < 20; i++) {
      const lock = await locks.acquire("a");
      expect(lock.fence).toBeGreaterThan(last);
      expect(Number.isSafeInteger(lock.fence)).toBe(true);
      last = lock.fence;
      await lock.release();
    }
  });

  test("names are data: globs, braces and Unicode are locks of their own", async (t) => {
    const locks = t.locks();
    const names = ["*", "{a}", "a", "a:b", "š 😀", "m:a", "[a]", "?"];
    const held = await Promise.all(names.map((name) => locks.acquire(name)));
    expect(new Set(held.map(({ value }) => value)).size).toBe(names.length);
    for (const name of names) expect(await locks.tryAcquire(name)).toBe(null);
    for (const lock of held) expect(await lock.release()).toBe(true);
  });
};

const waiting: Chapter = (test) => {
  test("a release hands it to the one who has waited longest", async (t) => {
    const processes = [t.locks(), t.locks(), t.locks()];
    const holder = await processes[0]!.acquire("a");
    const order: number[] = [];
    const done: Promise<void>[] = [];
    for (let i = 0; i < 9; i++) {
      done.push(
        processes[i % 3]!.withLock("a", async () => {
          order.push(i);
          await sleep(1);
        }),
      );
      await queued(t, "a", i + 1);
    }
    await holder.release();
    await Promise.all(done);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("nobody overtakes those who wait", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    const holder = await one.acquire("a");
    const waiter = two.acquire("a");
    await queued(t, "a", 1);
    await holder.release();
    expect(await t.locks().tryAcquire("a")).toBe(null);
    await (await waiter).release();
  });

  test("a wait ends after its time, and the place in the queue with it", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    const holder = await one.acquire("a");
    const began = performance.now();
    await expect(two.acquire("a", { wait: "60ms" })).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
      waitMs: 60,
    });
    expect(performance.now() - began).toBeGreaterThan(55);
    expect(await two.tryAcquire("a", { wait: "20ms" })).toBe(null);
    await queued(t, "a", 0);
    await holder.release();
    await (await two.acquire("a", { wait: 0 })).release();
  });

  test("an abort rejects with the signal's reason, untouched, and leaves the queue", async (t) => {
    const [one, two, three] = [t.locks(), t.locks(), t.locks()];
    const holder = await one.acquire("a");
    const abort = new AbortController();
    const waiter = two.acquire("a", { signal: abort.signal });
    await queued(t, "a", 1);
    const last = three.acquire("a");
    await queued(t, "a", 2);
    const reason = { why: "closed the tab" };
    abort.abort(reason);
    await expect(waiter).rejects.toBe(reason);
    await expect(two.acquire("b", { signal: abort.signal })).rejects.toBe(reason);
    await holder.release();
    await (await last).release();
    expect(await t.locks().inspect("a")).toMatchObject({ holder: null, waiters: 0 });
  });

  test("a grant that races with an abort is passed on", async (t) => {
    const [one, two, three] = [t.locks(), t.locks(), t.locks()];
    for (let i = 0; i < 25; i++) {
      const holder = await one.acquire("a");
      const abort = new AbortController();
      const waiter = two.acquire("a", { signal: abort.signal }).then(
        (lock) => lock.release(),
        () => false,
      );
      await queued(t, "a", 1);
      const last = three.acquire("a", { wait: "5s" });
      await queued(t, "a", 2);
      const released = holder.release();
      if (i % 3 > 0) await Promise.resolve();
      if (i % 3 > 1) await sleep(0);
      abort.abort(new Error("gone"));
      const began = performance.now();
      const lock = await last;
      expect(performance.now() - began).toBeLessThan(1_500);
      await Promise.all([released, waiter, lock.release()]);
    }
  });

  test("the queue goes on when a holder's lease ends without a word", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    await one.acquire("a", { ttl: "120ms", renew: false });
    const began = performance.now();
    const next = await two.acquire("a", { wait: "5s" });
    expect(performance.now() - began).toBeLessThan(1_000);
    await next.release();
  });

  test("close rejects those who wait, and what they had goes to the next", async (t) => {
    const [one, two, three] = [t.locks(), t.locks(), t.locks()];
    const holder = await one.acquire("a");
    const waiter = two.acquire("a");
    await queued(t, "a", 1);
    const last = three.acquire("a");
    await queued(t, "a", 2);
    const rejected = expect(waiter).rejects.toMatchObject({ code: "LOCK_ABORTED" });
    await two.close();
    await rejected;
    await expect(two.acquire("b")).rejects.toMatchObject({ code: "LOCK_ABORTED" });
    await holder.release();
    await (await last).release();
  });
};

const losing: Chapter = (test) => {
  test("force-release tells the holder within 50 ms, and the next has it", async (t) => {
    const [one, two, three] = [t.locks(), t.locks(), t.locks()];
    const lost: unknown[] = [];
    const forced: unknown[] = [];
    one.on("lock:lost", (event) => lost.push(event));
    three.on("lock:forced", (event) => forced.push(event));
    const lock = await one.acquire("a");
    const told = aborted(lock.signal);
    const waiter = two.acquire("a");
    await queued(t, "a", 1);
    const began = performance.now();
    expect(await three.forceRelease("a")).toBe(true);
    expect((await told) - began).toBeLessThan(50);
    expect(lock.held).toBe(false);
    expect(lock.signal.reason).toMatchObject({ code: "LOCK_LOST", reason: "forced", fence: lock.fence });
    const next = await waiter;
    expect(next.fence).toBeGreaterThan(lock.fence);
    expect(await lock.release()).toBe(false);
    expect(next.held).toBe(true);
    expect(lost).toEqual([{ lock: "a", fence: lock.fence, reason: "forced" }]);
    expect(forced).toEqual([{ lock: "a", holders: 1 }]);
    await next.release();
    expect(await three.forceRelease("a")).toBe(false);
  });

  test("who gives it back by its value tells the holder", async (t) => {
    const lock = await t.locks().acquire("a");
    const told = aborted(lock.signal);
    const began = performance.now();
    expect(await t.cache.releaseLock("a", lock.value)).toBe(true);
    expect((await told) - began).toBeLessThan(50);
    expect(lock.signal.reason).toMatchObject({ reason: "released" });
  });

  test("inspect shows the holder, its fence, its lease and who waits", async (t) => {
    const locks = t.locks({ owner: "worker-7" });
    expect(await locks.inspect("a")).toEqual({ holder: null, holders: [], waiters: 0, fence: 0 });
    const lock = await locks.acquire("a", { ttl: "20s" });
    const waiter = t.locks().acquire("a");
    await queued(t, "a", 1);
    const info = await locks.inspect("a");
    expect(info).toMatchObject({ holder: { owner: "worker-7", fence: lock.fence }, waiters: 1 });
    expect(info.holder!.ttl).toBeGreaterThan(15);
    await lock.release();
    await (await waiter).release();
  });
};

const kinds: Chapter = (test) => {
  test("a semaphore lets so many in, and the next in order", async (t) => {
    const [one, two] = [t.locks().semaphore("s", { permits: 3 }), t.locks().semaphore("s", { permits: 3 })];
    const held = [await one.acquire(), await two.acquire({ permits: 2 })];
    expect(await one.tryAcquire()).toBe(null);
    const large = two.acquire({ permits: 3, wait: "5s" });
    await waitFor(async () => (await one.inspect()).waiters === 1);
    expect((await one.inspect()).holders.map(({ permits }) => permits).sort()).toEqual([1, 2]);
    await held[0]!.release();
    // One permit is free, but the large wish came first.
    expect(await one.tryAcquire()).toBe(null);
    await held[1]!.release();
    const all = await large;
    expect(await one.tryAcquire()).toBe(null);
    await all.release();
    expect(await one.withPermit(() => "in")).toBe("in");
    expect(await one.withPermit({ permits: 2 }, (lock) => lock.held)).toBe(true);
    await expect(one.acquire({ permits: 4 })).rejects.toMatchObject({ code: "INVALID_OPTION" });
  });

  test("a semaphore never has more holders than permits", async (t) => {
    const processes = [t.locks(), t.locks(), t.locks(), t.locks()].map((each) =>
      each.semaphore("s", { permits: 3 }),
    );
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        processes[i % 4]!.withPermit(async () => {
          most = Math.max(most, ++inside);
          await sleep(1);
          inside--;
        }),
      ),
    );
    expect(most).toBe(3);
  });

  test("many readers or one writer; a writer waits for one batch of readers", async (t) => {
    const [one, two] = [t.locks().readWrite("r"), t.locks().readWrite("r")];
    const readers = [await one.read.acquire(), await two.read.acquire()];
    expect(await one.write.tryAcquire()).toBe(null);
    const order: string[] = [];
    const writer = one.write.withLock(async () => {
      order.push("writer");
      await sleep(10);
    });
    await waitFor(async () => (await one.inspect()).waiters === 1);
    // Readers who come later do not starve the writer.
    expect(await two.read.tryAcquire()).toBe(null);
    const later = [one, two, two].map((rw) =>
      rw.read.withLock(async () => {
        order.push("reader");
        await sleep(20);
      }),
    );
    await waitFor(async () => (await one.inspect()).waiters === 4);
    for (const reader of readers) await reader.release();
    await writer;
    const began = performance.now();
    await Promise.all(later);
    expect(order).toEqual(["writer", "reader", "reader", "reader"]);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test("several locks are all or none, and overlapping sets do not block each other", async (t) => {
    const [one, two] = [t.locks(), t.locks()];
    const all = await one.acquireAll(["c", "a", "b", "a"]);
    expect(all.locks.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect([...all.fences.keys()]).toEqual(["a", "b", "c"]);
    expect(all.held).toBe(true);
    await expect(two.acquireAll(["0", "b"], { wait: "20ms" })).rejects.toMatchObject({
      code: "LOCK_TIMEOUT",
    });
    await (await two.acquire("0", { wait: 0 })).release();
    const signal = all.signal;
    await two.forceRelease("b");
    await aborted(signal);
    expect(await all.release()).toBe(false);
    const rounds = Array.from({ length: 20 }, async (_, i) => {
      await using both = await (i % 2 === 0 ? one : two).acquireAll(i % 3 === 0 ? ["x", "y"] : ["y", "x"]);
      expect(both.held).toBe(true);
    });
    await Promise.all(rounds);
  });

  test("a lock can be shared by the code inside it, when that code asks for it", async (t) => {
    const locks = t.locks();
    await locks.withLock("a", async (outer) => {
      expect(await locks.tryAcquire("a")).toBe(null);
      const inner = (await locks.tryAcquire("a", { reentrant: true }))!;
      expect([inner.fence, inner.value]).toEqual([outer.fence, outer.value]);
      expect(await inner.release()).toBe(true);
      expect(outer.held).toBe(true);
      await locks.withLock("a", { reentrant: true }, async (nested) => {
        expect(await nested.extend()).toBe(true);
        await locks.withLock("b", { reentrant: true }, () => undefined);
      });
      expect((await locks.inspect("a")).holder).not.toBe(null);
    });
    expect((await locks.inspect("a")).holder).toBe(null);
    // Outside there is nothing to share.
    const lock = await locks.acquire("a", { reentrant: true });
    expect(await locks.tryAcquire("a", { reentrant: true })).toBe(null);
    await lock.release();
  });

  test("what outlives the block keeps the shared lock until it releases it", async (t) => {
    const locks = t.locks();
    const done = deferred();
    const { background } = await locks.withLock("a", async () => {
      const lock = await locks.acquire("a", { reentrant: true });
      return { background: done.promise.then(() => lock.release()) };
    });
    expect(await locks.tryAcquire("a")).toBe(null);
    done.resolve();
    expect(await background).toBe(true);
    await (await locks.acquire("a", { wait: 0 })).release();
  });

  test("durability refuses, and undoes, what replicas have not acknowledged", async (t) => {
    const locks = t.locks();
    const refused = locks.acquire("a", { durability: { replicas: 99, timeout: "40ms" } });
    await expect(refused).rejects.toMatchObject({ code: "LOCK_NOT_DURABLE", replicas: 99 });
    await waitFor(async () => (await locks.inspect("a")).holder === null);
    await (await locks.acquire("a")).release();
  });
};

const actions: Chapter = (test) => {
  test("acquireLock, extendLock and releaseLock", async (t) => {
    const { cache } = t;
    const value = (await cache.acquireLock("a", 30))!;
    expect(typeof value).toBe("string");
    expect(await cache.acquireLock("a", 30)).toBe(null);
    expect(await t.locks().tryAcquire("a")).toBe(null);
    expect(await cache.extendLock("a", value, 60)).toBe(true);
    expect((await t.locks().inspect("a")).holder!.ttl).toBeGreaterThan(50);
    expect(await cache.releaseLock("a", value)).toBe(true);
    expect(await cache.releaseLock("a", value)).toBe(false);
    expect(await cache.extendLock("a", value, 60)).toBe(false);
    const next = (await cache.acquireLock("a", "50ms"))!;
    await sleep(70);
    expect(await cache.releaseLock("a", next)).toBe(false);
  });

  test("a lock that is given back by hand goes to the one who waits", async (t) => {
    const value = (await t.cache.acquireLock("a", 30))!;
    const waiter = t.locks().acquire("a");
    await queued(t, "a", 1);
    expect(await t.cache.acquireLock("a", 30)).toBe(null);
    await t.cache.releaseLock("a", value);
    await (await waiter).release();
  });

  test("what was never a value of a lock belongs to nobody", async (t) => {
    const value = (await t.cache.acquireLock("a", 30))!;
    for (const wrong of ["", "*", "x", `${value}x`, value.slice(1), "a.b.1.1", "é".repeat(9)]) {
      expect(await t.cache.releaseLock("a", wrong)).toBe(false);
      expect(await t.cache.extendLock("a", wrong, 30)).toBe(false);
    }
    expect(await t.cache.releaseLock("b", value)).toBe(false);
    expect(await t.cache.releaseLock("a", value)).toBe(true);
  });

  test("no invalidation touches a lock, and none counts it", async (t) => {
    const { cache } = t;
    const locks = t.locks();
    const value = (await cache.acquireLock("a", 30))!;
    const lock = await locks.acquire("b");
    expect(await cache.clear()).toBe(0);
    expect(await cache.invalidatePattern("*")).toBe(0);
    expect(await cache.invalidateByTag("a")).toBe(0);
    expect(await cache.del("a", "b", "m:a", "kh:m:a")).toBe(0);
    expect((await cache.getStats()).keys).toBe(0);
    expect(await cache.get("a")).toBe(null);
    expect(await lock.extend()).toBe(true);
    expect(await cache.releaseLock("a", value)).toBe(true);
    await lock.release();
  });

  test("scopes have locks of their own", async (t) => {
    const { lockActions, createLocks } = await import("../../src/index.ts");
    const tenant = t.cache.scope("acme");
    const scoped = tenant.extend(lockActions());
    const scopedLocks = createLocks(tenant);
    const outside = (await t.cache.acquireLock("a", 30))!;
    const inside = (await scoped.acquireLock("a", 30))!;
    expect(await scopedLocks.tryAcquire("a")).toBe(null);
    expect(await scoped.releaseLock("a", outside)).toBe(false);
    expect(await t.cache.releaseLock("a", inside)).toBe(false);
    expect(await scoped.releaseLock("a", inside)).toBe(true);
    expect(await t.cache.releaseLock("a", outside)).toBe(true);
    await scopedLocks.close();
  });
};

const fenced: Chapter = (test) => {
  test("a fenced value takes no write of an earlier holder", async (t) => {
    const values = createFencedValues(t.cache);
    const locks = t.locks();
    const first = await locks.acquire("a", { ttl: "60ms", renew: false });
    expect(await values.read("account")).toBe(null);
    expect(await values.write("account", { balance: 1, at: new Date(5) }, first.fence, "1h")).toBe(true);
    expect(await values.write("account", { balance: 2 }, first.fence, "1h")).toBe(true);
    await sleep(80);
    const second = await locks.acquire("a");
    await values.check("account", second.fence, "1h");
    expect(await values.write("account", { balance: 666 }, first.fence, "1h")).toBe(false);
    expect(await values.read("account")).toEqual({ fence: second.fence, value: { balance: 2 } });
    await expect(values.check("account", first.fence, "1h")).rejects.toMatchObject({
      code: "STALE_FENCE",
      resource: "account",
    });
    expect(await values.write("account", { at: new Date(7) }, second.fence, "1h")).toBe(true);
    expect((await values.read("account"))?.value).toEqual({ at: new Date(7) });
    await second.release();
  });

  test("a fence is kept as long as anybody has asked for, whoever notes another one meanwhile", async (t) => {
    const values = createFencedValues(t.cache);
    await values.write("account", { balance: 1 }, 5, "1h");
    await values.check("account", 6, "40ms");
    await values.write("other", { balance: 1 }, 6, "1h");
    await values.write("other", { balance: 2 }, 7, "40ms");
    await sleep(60);
    expect(await values.read("account")).toEqual({ fence: 6, value: { balance: 1 } });
    expect(await values.write("account", { balance: 666 }, 5, "1h")).toBe(false);
    expect(await values.write("other", { balance: 666 }, 6, "1h")).toBe(false);
  });
};

export const CONTRACT: Readonly<Record<string, Chapter>> = {
  mutex,
  waiting,
  losing,
  kinds,
  actions,
  fenced,
};
