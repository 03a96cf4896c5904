// Each hole that was found in another lock, and can exist in one: a test that it is closed here. Those of rate limiters
// alone (H4, H5, H10, H23) have no counterpart.

import { createCache, type Store } from "@crm/cache-core";
import { redisStore } from "@crm/cache-core/redis";
import {
  commandStats,
  diffCommandStats,
  percentile,
  type RedisServer,
  spawnWorker,
  startFaultProxy,
  startRedis,
  waitFor,
} from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createFencedValues, createLocks, type Locks, lockActions } from "../src/index.ts";
import { aborted, deferred, sleep } from "./support/suite.ts";

const LOCKER = new URL("./workers/locker.ts", import.meta.url);

describe("holes", () => {
  let redis: RedisServer;
  let client: Redis;
  let namespace: string;
  let made: (() => Promise<unknown>)[] = [];
  let count = 0;

  beforeAll(async () => {
    redis = await startRedis({ control: true });
    client = await redis.client();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    namespace = `holes-${++count}`;
    await client.flushall();
  });
  afterEach(async () => {
    for (const close of made.reverse()) await close();
    made = [];
  });

  /** Locks with a connection of their own, as another process has. */
  async function process(
    url = redis.url,
    timeout: "40ms" | "1s" = "1s",
  ): Promise<{ locks: Locks; store: Store }> {
    const store = redisStore({ url, commandTimeout: timeout });
    const cache = createCache({ store, namespace });
    await cache.ready();
    const locks = createLocks(cache);
    made.push(async () => {
      await locks.close();
      await cache.close();
    });
    return { locks, store };
  }

  async function enlisted(locks: Locks, name: string, waiters: number): Promise<void> {
    await waitFor(async () => (await locks.inspect(name)).waiters === waiters, {
      description: `${waiters} waiters`,
    });
  }

  it("H1, H2, H3: no key is without an expiry, whatever the TTL, and none is left", async () => {
    const { locks } = await process();
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace }).extend(lockActions());
    made.push(() => cache.close());
    for (const ttl of ["1ms", "500ms", 0.0004, 1.9, "400d"] as const) {
      await cache.acquireLock(`simple ${ttl}`, ttl);
    }
    const lock = await locks.acquire("a", { ttl: 0.05, renew: false });
    const waiter = locks.acquire("a", { ttl: "70ms", renew: false });
    const semaphore = locks.semaphore("s", { permits: 2 });
    await semaphore.acquire({ ttl: "50ms", renew: false });
    const keys = await client.keys("*");
    expect(keys.length).toBeGreaterThan(8);
    for (const key of keys) expect(await client.pttl(key), key).toBeGreaterThan(0);
    await waiter;
    await sleep(100);
    for (const key of await client.keys("*")) expect(await client.pttl(key), key).toBeGreaterThan(0);
    expect(await lock.release()).toBe(false);
    // Half a second is half a second.
    await waitFor(() => cache.acquireLock("simple 500ms", 1), { timeoutMs: 600 });
  });

  it("H6: a name is data: force-release of one name touches no other", async () => {
    const { locks } = await process();
    const names = ["acct", "acct:42", "acct*", "*", "acct?"];
    const held = await Promise.all(names.map((name) => locks.acquire(name)));
    expect(await locks.forceRelease("*")).toBe(true);
    expect(await locks.forceRelease("acct*")).toBe(true);
    const stand = await Promise.all(held.map((lock) => lock.release()));
    expect(stand).toEqual([true, true, false, false, true]);
  });

  it("H7, H14: clocks of hosts decide nothing: a semaphore keeps its limit among hosts an hour apart", async () => {
    const skews = ["0", "3600000", "-3600000", "6000"];
    const workers = await Promise.all(
      skews.map((skew) =>
        spawnWorker(LOCKER, { args: [redis.url, namespace, skew], readyTimeoutMs: 60_000 }),
      ),
    );
    try {
      let taken = 0;
      for (let round = 0; round < 2; round++) {
        for (const worker of workers) {
          if (await worker.call("permits", { name: "s", permits: 3, ttl: "5s" })) taken++;
        }
      }
      expect(taken).toBe(3);
      const { locks } = await process();
      expect((await locks.semaphore("s", { permits: 3 }).inspect()).holders.length).toBe(3);
      // Nor does a host that is ahead take a mutex early, or hold one longer.
      await workers[2]!.call("acquire", { name: "a", options: { ttl: "400ms", renew: false } });
      await expect(workers[1]!.call("acquire", { name: "a", options: { wait: 0 } })).rejects.toThrow();
      const began = performance.now();
      await workers[1]!.call("acquire", { name: "a" });
      expect(performance.now() - began).toBeLessThan(2_000);
    } finally {
      for (const worker of workers) await worker.stop();
    }
  });

  it("H8: with Redis stopped an acquisition is decided in a bounded time, with an error of its own", async () => {
    const { locks } = await process(redis.url, "40ms");
    await (await locks.acquire("warm")).release();
    await redis.pause();
    const times: number[] = [];
    try {
      for (let i = 0; i < 20; i++) {
        const began = performance.now();
        await expect(locks.acquire("a", { wait: "1h" })).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
        times.push(performance.now() - began);
      }
    } finally {
      await redis.resume();
    }
    // The first waits for the deadline of a write, the others fail at once.
    expect(Math.max(...times)).toBeLessThan(400);
    expect(percentile(times, 0.5)).toBeLessThan(20);
    await waitFor(async () => (await locks.tryAcquire("b")) !== null);
    // What the stopped server took in all the same is given back.
    await waitFor(async () => (await locks.inspect("a")).holder === null);
  });

  it("H9: absent at boot is not absent for ever: locks, waiting and news of losses work once Redis is there", async () => {
    const proxy = await startFaultProxy({ target: redis });
    made.push(() => proxy.close());
    await proxy.cut();
    const { locks } = await process(proxy.url);
    await expect(locks.acquire("a")).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await proxy.heal();
    const lock = await waitFor(() => locks.tryAcquire("a"));
    const waiter = locks.acquire("a");
    await enlisted(locks, "a", 1);
    const told = aborted(lock.signal);
    const { locks: other } = await process();
    const began = performance.now();
    await other.forceRelease("a");
    expect((await told) - began).toBeLessThan(50);
    await (await waiter).release();
  });

  it("H11: the holder knows of a loss in time, whether Redis answers, is stopped, or was emptied", async () => {
    const { locks } = await process(redis.url, "40ms");
    const ttlMs = 600;
    const deleted = await locks.acquire("deleted", { ttl: ttlMs / 1_000 });
    const signal = aborted(deleted.signal);
    const emptiedAt = performance.now();
    await client.flushall();
    // By the next renewal, at a third of the lease.
    expect((await signal) - emptiedAt).toBeLessThan(ttlMs / 3 + 50);
    expect(deleted.signal.reason).toMatchObject({ reason: "taken" });

    const lateMs: number[] = [];
    for (let i = 0; i < 3; i++) {
      const acquiredAt = performance.now();
      const lock = await locks.acquire(`stopped ${i}`, { ttl: ttlMs / 1_000 });
      const told = aborted(lock.signal);
      // A timer for the same time shows how late this event loop is by itself.
      const timer = sleep(acquiredAt + ttlMs - performance.now()).then(() => performance.now());
      await redis.pause();
      try {
        lateMs.push((await told) - Math.max(acquiredAt + ttlMs, await timer));
      } finally {
        await redis.resume();
      }
      expect(lock.held).toBe(false);
      expect(lock.signal.reason).toMatchObject({ reason: "expired" });
      await waitFor(async () => (await locks.tryAcquire(`after ${i}`)) !== null);
    }
    expect(Math.max(...lateMs)).toBeLessThan(20);
  });

  it("H12: a renewal that fails rejects nothing: Redis is killed while a lock is held, and the process lives", async () => {
    const own = await startRedis({ control: true });
    made.push(() => own.stop());
    const { locks } = await process(own.url, "40ms");
    const failed: unknown[] = [];
    locks.on("lock:renewal-failed", (event) => failed.push(event));
    const lock = await locks.acquire("a", { ttl: "300ms" });
    const waiter = locks.acquire("a", { wait: "700ms" });
    const refused = expect(waiter).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await enlisted(locks, "a", 1);
    await own.kill();
    await aborted(lock.signal);
    expect(failed.length).toBeGreaterThan(0);
    await refused;
    await expect(lock.release()).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    // The guards of this suite fail the test for an unhandled rejection.
  });

  it("H13: the body's error is never replaced by the release's, nor its result", async () => {
    const own = await startRedis({ control: true });
    made.push(() => own.stop());
    const { locks } = await process(own.url, "40ms");
    const failed: unknown[] = [];
    locks.on("lock:release-failed", (event) => failed.push(event));
    const error = new Error("the body's own");
    const began = performance.now();
    const throws = locks.withLock("a", async () => {
      await own.pause();
      throw error;
    });
    await expect(throws).rejects.toBe(error);
    await own.resume();
    const result = { fine: true };
    await waitFor(async () => {
      const lock = await locks.tryAcquire("b");
      await lock?.release();
      return lock;
    });
    const returns = locks.withLock("b", async () => {
      await own.pause();
      return result;
    });
    expect(await returns).toBe(result);
    await own.resume();
    expect(failed.length).toBe(2);
    expect(performance.now() - began).toBeLessThan(3_000);
    // Both are given back as soon as Redis answers, long before their leases end.
    await waitFor(async () => (await locks.inspect("a")).holder === null);
    await waitFor(async () => (await locks.inspect("b")).holder === null);
  });

  it("H13: a release after a loss costs one round trip at most", async () => {
    const { locks } = await process();
    const lock = await locks.acquire("a");
    await locks.forceRelease("a");
    const before = await commandStats(client);
    const began = performance.now();
    expect(await lock.release()).toBe(false);
    expect(performance.now() - began).toBeLessThan(50);
    expect(diffCommandStats(before, await commandStats(client)).get("evalsha")).toBe(undefined);
  });

  it("H13, H19: an answer that comes after the lease it grants is no lock, and is given back", async () => {
    const proxy = await startFaultProxy({ target: redis });
    made.push(() => proxy.close());
    const store = redisStore({ url: proxy.url, commandTimeout: "5s", invalidationTimeout: "5s" });
    const cache = createCache({ store, namespace });
    const slow = createLocks(cache);
    made.push(async () => {
      await slow.close();
      await cache.close();
    });
    await (await slow.acquire("warm")).release();
    proxy.setLatency(300);
    const late = slow.acquire("a", { ttl: "200ms", wait: 0 });
    await expect(late).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE", reason: "late" });
    proxy.setLatency(0);
    const { locks } = await process();
    await waitFor(async () => (await locks.inspect("a")).holder === null);
    const lock = await slow.acquire("a");
    expect(lock.held).toBe(true);
    await lock.release();
  });

  it("H15: a holder that was stopped past its lease writes nothing where the fence is checked", async () => {
    const { locks, store } = await process();
    const worker = await spawnWorker(LOCKER, { args: [redis.url, namespace], readyTimeoutMs: 60_000 });
    try {
      const stale = await worker.call<{ fence: number }>("acquire", { name: "a", options: { ttl: "200ms" } });
      const first = { resource: "account", name: "a", value: { by: "first" } };
      expect(await worker.call("write", first)).toBe(true);
      await worker.pause();
      const lock = await locks.acquire("a", { ttl: "1s" });
      const values = createFencedValues(createCache({ store, namespace }));
      expect(lock.fence).toBeGreaterThan(stale.fence);
      expect(await values.write("account", { by: "second" }, lock.fence, "1h")).toBe(true);
      worker.resume();
      expect(await worker.call("write", { ...first, value: { by: "stale" } })).toBe(false);
      expect((await values.read("account"))?.value).toEqual({ by: "second" });
      expect(await worker.call("state", "a")).toEqual({ held: false, aborted: true });
      expect(await worker.call("release", "a")).toBe(false);
      expect(lock.held).toBe(true);
      await lock.release();
    } finally {
      await worker.stop();
    }
  });

  it("H16: nobody is starved: 50 busy contenders wait their fair share, without an inversion", async () => {
    const store = redisStore({ url: redis.url, commandTimeout: "5s" });
    const cache = createCache({ store, namespace });
    made.push(() => cache.close());
    // On one connection, so that the order of the calls is the order of arrival.
    const processes = Array.from({ length: 5 }, () => createLocks(cache));
    made.push(...processes.map((locks) => () => locks.close()));
    await Promise.all(processes.map((locks, i) => locks.withLock(`warm ${i}`, () => {})));
    /** How many others had it while one waited. */
    const turns: number[] = [];
    const waiting = new Set<number>();
    let arrivals = 0;
    let inversions = 0;
    let grants = 0;
    const until = performance.now() + 1_500;
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        while (performance.now() < until) {
          const arrival = arrivals++;
          const asked = grants;
          waiting.add(arrival);
          const lock = await processes[i % 5]!.acquire("a");
          turns.push(grants++ - asked);
          waiting.delete(arrival);
          if (waiting.size > 0 && Math.min(...waiting) < arrival) inversions++;
          await sleep(1);
          await lock.release();
        }
      }),
    );
    expect(inversions).toBe(0);
    expect(turns.length).toBeGreaterThan(150);
    expect(Math.max(...turns)).toBeLessThanOrEqual(50);
  });

  it("H17: 50 who wait cost one command a second together, and none of them polls", async () => {
    const { locks } = await process();
    const { locks: other } = await process();
    // Not renewed while it is counted: what is left is what waiting costs.
    const holder = await other.acquire("a", { ttl: "60s" });
    const waiters = Array.from({ length: 50 }, () => locks.acquire("a", { wait: "1h" }));
    await enlisted(other, "a", 50);
    const before = await commandStats(client);
    await sleep(3_050);
    const spent = diffCommandStats(before, await commandStats(client));
    const sent = (spent.get("evalsha") ?? 0) + (spent.get("eval") ?? 0) + (spent.get("get") ?? 0);
    expect(sent).toBeLessThanOrEqual(3);
    // The question is the heartbeat of the waiters' connection, too. What is left is that of the holder, which hears nothing.
    expect(spent.get("ping") ?? 0).toBeLessThanOrEqual(4);
    expect(spent.get("subscribe")).toBeUndefined();
    await holder.release();
    for (const waiter of waiters) await (await waiter).release();
  });

  it("H18: nobody releases or extends what is not theirs, also after it was taken over", async () => {
    const cache = createCache({ store: redisStore({ url: redis.url }), namespace }).extend(lockActions());
    made.push(() => cache.close());
    const old = (await cache.acquireLock("a", "60ms"))!;
    await sleep(80);
    const { locks } = await process();
    const lock = await locks.acquire("a");
    expect(await cache.releaseLock("a", old)).toBe(false);
    expect(await cache.extendLock("a", old, 100)).toBe(false);
    const { value } = lock;
    const [mine = "", serial = "", ...rest] = value.split(".");
    for (const guess of [
      `${mine}.${Number.parseInt(serial, 36) + 1}.${rest.join(".")}`,
      `${mine}x.${serial}.${rest.join(".")}`,
    ]) {
      expect(await cache.releaseLock("a", guess)).toBe(false);
      expect(await cache.extendLock("a", guess, 100)).toBe(false);
    }
    expect(lock.held && (await lock.extend())).toBe(true);
    await lock.release();
  });

  it("H20: fences grow through FLUSHALL, lost keys and restarts", async () => {
    const own = await startRedis({ control: true });
    made.push(() => own.stop());
    const admin = await own.client();
    const { locks } = await process(own.url);
    let last = 0;
    for (let i = 0; i < 200; i++) {
      const lock = await locks.acquire("a", { ttl: "1s" });
      expect(lock.fence).toBeGreaterThan(last);
      last = lock.fence;
      if (i % 5 === 0) await admin.flushall();
      else if (i % 5 === 1) await admin.del(...(await admin.keys("*kh*")));
      else if (i % 5 === 2) await admin.del(...(await admin.keys("*ks*")));
      else if (i === 103) await own.restart();
      await lock.release().catch(() => {});
      if (i === 103) await waitFor(() => locks.inspect("a"));
    }
    admin.disconnect();
  });

  it("H21: 20 who died without a word are skipped within a second together", async () => {
    const { locks } = await process();
    const proxy = await startFaultProxy({ target: redis });
    made.push(() => proxy.close());
    // Their connections stay open, and nothing reaches them: the server cannot tell that they are gone.
    const stopped = await Promise.all(Array.from({ length: 20 }, () => process(proxy.url)));
    const holder = await locks.acquire("a");
    for (const [i, { locks: each }] of stopped.entries()) {
      each.acquire("a", { wait: "1h" }).then(
        () => {},
        () => {},
      );
      await enlisted(locks, "a", i + 1);
    }
    const { locks: alive } = await process();
    const waiter = alive.acquire("a", { wait: "1h" });
    await enlisted(locks, "a", 21);
    proxy.blackHole({ packets: "drop" });
    const began = performance.now();
    await holder.release();
    const lock = await waiter;
    expect(performance.now() - began).toBeLessThan(1_000);
    await lock.release();
    for (const { locks: each } of stopped) await each.close();
  });

  it("H21: those whose connection has ended are skipped at once", async () => {
    const { locks } = await process();
    const dead = await Promise.all(Array.from({ length: 20 }, () => process()));
    const holder = await locks.acquire("a");
    for (const [i, { locks: each }] of dead.entries()) {
      each.acquire("a", { wait: "1h" }).then(
        () => {},
        () => {},
      );
      await enlisted(locks, "a", i + 1);
    }
    const waiter = locks.acquire("a", { wait: "1h" });
    await enlisted(locks, "a", 21);
    for (const { store } of dead) await store.close();
    await sleep(20);
    const began = performance.now();
    await holder.release();
    await (await waiter).release();
    expect(performance.now() - began).toBeLessThan(100);
  });

  it("H21: a waiter that was killed does not stop the queue, nor one that slept through its turn", async () => {
    const { locks } = await process();
    const workers = await Promise.all(
      [1, 2].map(() => spawnWorker(LOCKER, { args: [redis.url, namespace], readyTimeoutMs: 60_000 })),
    );
    try {
      const holder = await locks.acquire("a");
      await workers[0]!.call("enlist", "a");
      await enlisted(locks, "a", 1);
      await workers[1]!.call("enlist", "a");
      await enlisted(locks, "a", 2);
      const waiter = locks.acquire("a", { wait: "1h" });
      await enlisted(locks, "a", 3);
      await workers[0]!.kill();
      await workers[1]!.pause();
      const began = performance.now();
      await holder.release();
      const lock = await waiter;
      expect(performance.now() - began).toBeLessThan(1_000);
      // It wakes, takes its old place and is next.
      const last = locks.acquire("a", { wait: "1h" });
      workers[1]!.resume();
      await waitFor(async () => (await locks.inspect("a")).waiters === 2);
      await lock.release();
      await waitFor(async () => (await workers[1]!.call<{ held?: boolean }>("state", "a")).held);
      await workers[1]!.call("release", "a");
      await (await last).release();
    } finally {
      for (const worker of workers) await worker.stop();
    }
  });

  it("H21: a message that is lost delays a grant by a second at most", async () => {
    const proxy = await startFaultProxy({ target: redis });
    made.push(() => proxy.close());
    const { locks } = await process();
    const { locks: waits } = await process(proxy.url);
    await (await waits.acquire("warm")).release();
    const holder = await locks.acquire("a");
    const waiter = waits.acquire("a");
    await enlisted(locks, "a", 1);
    // All subscriptions go; the command connections stay. The client subscribes again when it likes.
    await client.call("CLIENT", "KILL", "TYPE", "pubsub");
    const began = performance.now();
    await holder.release();
    await (await waiter).release();
    expect(performance.now() - began).toBeLessThan(1_100);
  });

  it("H21: the queue survives the loss of its keys, and keeps its order", async () => {
    const { locks } = await process();
    const { locks: other } = await process();
    const holder = await locks.acquire("a");
    const order: number[] = [];
    const done: Promise<void>[] = [];
    for (let i = 0; i < 4; i++) {
      done.push(
        (i % 2 === 0 ? locks : other).withLock("a", { wait: "1h" }, () => {
          order.push(i);
        }),
      );
      await enlisted(locks, "a", i + 1);
    }
    await client.del(...(await client.keys("*kq*")));
    await enlisted(locks, "a", 4);
    await holder.release();
    await Promise.all(done);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it("H22: nothing is kept of those who waited, gave up or were refused", async () => {
    const { locks } = await process();
    const holder = await locks.acquire("a");
    const abort = new AbortController();
    for (let i = 0; i < 300; i++) {
      await locks.tryAcquire("a");
      locks.acquire("a", { signal: abort.signal }).catch(() => {});
    }
    abort.abort();
    await enlisted(locks, "a", 0);
    await holder.release();
    await waitFor(async () => {
      const keys = await client.keys("*");
      return keys.length === 1 && keys[0]?.includes("ks");
    });
    expect(await client.hlen((await client.keys("*"))[0]!)).toBe(1);
  });

  it("H24: taking is one step: of 200 who try at once, from 8 processes, one has it", async () => {
    const processes = await Promise.all(Array.from({ length: 8 }, () => process()));
    for (let round = 0; round < 5; round++) {
      const tries = Array.from({ length: 200 }, (_, i) => processes[i % 8]!.locks.tryAcquire(`a${round}`));
      const held = (await Promise.all(tries)).filter((lock) => lock !== null);
      expect(held.length).toBe(1);
      await held[0]!.release();
    }
  });

  it("an outage is sat out by those who wait, and the order is kept", async () => {
    const { locks } = await process(redis.url, "40ms");
    const holder = await locks.acquire("a", { ttl: "400ms" });
    const order: number[] = [];
    const done = [0, 1, 2].map((i) =>
      locks.withLock("a", { wait: "1h" }, () => {
        order.push(i);
      }),
    );
    await enlisted(locks, "a", 3);
    await redis.pause();
    await sleep(1_500);
    await redis.resume();
    const began = performance.now();
    await Promise.all(done);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(order).toEqual([0, 1, 2]);
    expect(holder.signal.aborted).toBe(true);
  });

  it("what a lost answer may have taken is given back as soon as the store answers", async () => {
    const proxy = await startFaultProxy({ target: redis });
    made.push(() => proxy.close());
    const { locks } = await process();
    const { locks: cut } = await process(proxy.url, "40ms");
    await (await cut.acquire("warm")).release();
    proxy.blackHole();
    await expect(cut.acquire("a", { ttl: "1h" })).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await proxy.heal();
    // The call is delivered now, after it was given up; it must not hold the lock for an hour.
    await sleep(50);
    const lock = await locks.acquire("a", { wait: "5s" });
    await lock.release();
  });

  it("a first grant that finds its waiter blocked is not lost on it", async () => {
    const { locks } = await process();
    const worker = await spawnWorker(LOCKER, { args: [redis.url, namespace], readyTimeoutMs: 60_000 });
    try {
      const holder = await locks.acquire("a");
      await worker.call("enlist", "a");
      await enlisted(locks, "a", 1);
      const done = deferred();
      void worker.call("block", 600).then(() => done.resolve());
      await sleep(50);
      await holder.release();
      await done.promise;
      await waitFor(async () => (await worker.call<{ held?: boolean }>("state", "a")).held, {
        timeoutMs: 1_500,
      });
    } finally {
      await worker.stop();
    }
  });
});
