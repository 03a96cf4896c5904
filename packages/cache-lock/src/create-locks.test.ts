import { createCache, memoryStore, type Store, StoreUnavailableError } from "@crm/cache-core";
import { createFakeClock, type FakeClock } from "@crm/cache-core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { createLocks, type Locks, postgresGuard } from "./index.ts";

describe("createLocks", () => {
  let clock: FakeClock;
  let locks: Locks;
  const cacheOn = () => createCache({ store: memoryStore({ clock }), clock });

  beforeEach(() => {
    clock = createFakeClock();
    locks = createLocks(cacheOn(), { owner: "test" });
  });

  it("renews at a third of the lease, so that an hour of work keeps its lock", async () => {
    const lock = await locks.acquire("a", { ttl: "10s" });
    for (let i = 0; i < 360; i++) await clock.advance(10_000);
    expect(lock.held).toBe(true);
    expect(await lock.release()).toBe(true);
    await locks.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("counts a lease from before it was asked for, by the monotonic clock alone", async () => {
    const lock = await locks.acquire("a", { ttl: "10s", renew: false });
    const { signal } = lock;
    await clock.advance(9_980);
    expect([lock.held, signal.aborted]).toEqual([true, false]);
    await clock.advance(20);
    expect([lock.held, signal.aborted]).toEqual([false, true]);
    expect(signal.reason).toMatchObject({
      code: "LOCK_LOST",
      reason: "expired",
      lock: "a",
      fence: lock.fence,
    });
    await locks.close();
  });

  it("says which option is wrong before anything is sent", async () => {
    const wrong: [() => unknown, string][] = [
      [() => createLocks(null as never), "cache"],
      [() => createLocks(cacheOn(), null as never), "options"],
      [() => createLocks(cacheOn(), "10s" as never), "options"],
      [() => createLocks(cacheOn(), { ttl: "1ms" }), "ttl"],
      [() => createLocks(cacheOn(), { owner: "" }), "owner"],
      [() => createLocks(cacheOn(), [] as never), "options"],
      [() => createLocks(cacheOn(), { leaseTtl: "5s" } as never), "leaseTtl"],
      [() => createLocks(cacheOn(), { durability: { replica: 1 } as never }), "durability.replica"],
      [() => locks.semaphore("a", { permit: 1 } as never), "permit"],
      [() => postgresGuard({ tabel: "fences" } as never), "tabel"],
      [() => createLocks(cacheOn(), { durability: { replicas: 0 } }), "durability.replicas"],
      [() => locks.semaphore("a", { permits: 0 }), "permits"],
      [() => locks.semaphore("a", { permits: 1.5 }), "permits"],
    ];
    for (const [call, option] of wrong) {
      expect(call, option).toThrow(expect.objectContaining({ code: "INVALID_OPTION", option }));
    }
    const refused: [Promise<unknown>, object][] = [
      [locks.acquire(""), { code: "INVALID_KEY" }],
      [locks.acquire("a\nb"), { code: "INVALID_KEY" }],
      [locks.acquire("\ud800"), { code: "INVALID_KEY" }],
      [locks.acquire("é".repeat(513)), { code: "INVALID_KEY" }],
      [locks.acquire("a", { ttl: 0 }), { code: "INVALID_DURATION" }],
      [locks.acquire("a", { ttl: "25h" }), { code: "INVALID_OPTION" }],
      [locks.acquire("a", { wait: -1 }), { code: "INVALID_DURATION" }],
      [locks.acquire("a", { signal: {} as AbortSignal }), { code: "INVALID_OPTION", option: "signal" }],
      [
        locks.acquire("a", { signal: { aborted: false } as AbortSignal }),
        { code: "INVALID_OPTION", option: "signal" },
      ],
      [locks.acquire("a", { renew: 1 as unknown as boolean }), { code: "INVALID_OPTION", option: "renew" }],
      [locks.acquireAll([]), { code: "INVALID_OPTION", option: "names" }],
      [locks.acquireAll(["a", ""]), { code: "INVALID_KEY", parameter: "names[1]" }],
      [locks.withLock("a", undefined as never), { code: "INVALID_OPTION", option: "body" }],
      [locks.withLock("a", { ttl: 1 } as never), { message: expect.stringContaining("got undefined") }],
      [
        locks.withLock("a", 5 as never),
        { option: "body", message: expect.stringContaining("got the number 5") },
      ],
      [
        locks.acquire("a", { tll: "5s" } as never),
        { option: "tll", message: expect.stringContaining("ttl, wait") },
      ],
      [locks.acquire("a", { permits: 1 } as never), { option: "permits" }],
      [locks.acquireAll(["a"], { wiat: 1 } as never), { option: "wiat" }],
      [locks.semaphore("a", { permits: 2 }).acquire({ reentrant: true } as never), { option: "reentrant" }],
      [
        locks.semaphore("a", { permits: 2 }).withPermit(5 as never),
        { message: expect.stringContaining("number 5") },
      ],
      [locks.readWrite("a").read.acquire({ reentrant: true } as never), { option: "reentrant" }],
      [locks.semaphore("a", { permits: 2 }).acquire({ permits: 3 }), { code: "INVALID_OPTION" }],
    ];
    for (const [call, error] of refused) await expect(call).rejects.toMatchObject(error);
    expect((await locks.inspect("a")).fence).toBe(0);
    await locks.close();
  });

  it("announces a grant again whose message was lost, without waiting for the next question", async () => {
    const inner = memoryStore({ clock });
    let lost = 0;
    const deaf: Store = {
      ...inner,
      subscribe: (channel, handler) =>
        inner.subscribe(channel, (message) => {
          if (message.startsWith("g") && lost++ === 0) return;
          handler(message);
        }),
    };
    const waits = createLocks(createCache({ store: deaf, clock }));
    const holds = createLocks(createCache({ store: inner, clock }));
    const holder = await holds.acquire("a");
    const waiter = waits.acquire("a");
    await clock.advance(10);
    await holder.release();
    let granted = false;
    void waiter.then(() => {
      granted = true;
    });
    await clock.advance(90);
    expect(granted).toBe(false);
    await clock.advance(15);
    expect([granted, lost]).toEqual([true, 2]);
    await (await waiter).release();
    await waits.close();
    await holds.close();
    await locks.close();
  });

  it("keeps a lock that came by another answer, when the call that asked for it fails afterwards", async () => {
    const inner = memoryStore({ clock });
    let fail: (() => void) | undefined;
    let hangs = false;
    const store: Store = {
      ...inner,
      run: (operation, ...rest) =>
        hangs && operation.name === "acquireLock"
          ? new Promise((_, reject) => {
              fail = () =>
                reject(new StoreUnavailableError({ operation: operation.name, reason: "timeout" }));
            })
          : inner.run(operation, ...rest),
    };
    const both = createLocks(createCache({ store, clock }));
    const holder = await both.acquire("a");
    const waiter = both.acquire("a");
    await clock.advance(10);
    hangs = true;
    await clock.advance(1_000);
    expect(fail).not.toBe(undefined);
    await holder.release();
    const lock = await waiter;
    fail?.();
    hangs = false;
    await clock.advance(500);
    expect(await lock.extend()).toBe(true);
    await lock.release();
    await both.close();
    await locks.close();
  });

  it("gives back what a question brings about that the server gets to only after the release", async () => {
    const inner = memoryStore({ clock });
    let hold = false;
    let send = (): void => {};
    const store: Store = {
      ...inner,
      run: async (operation, ...rest) => {
        if (hold && operation.name === "acquireLock") {
          await new Promise<void>((resolve) => {
            send = resolve;
          });
        }
        return inner.run(operation, ...rest);
      },
    };
    const own = createLocks(createCache({ store, clock }));
    const holder = await own.acquire("a");
    const waiter = own.acquire("a");
    await clock.advance(10);
    hold = true;
    // It asks anew, which takes long; meanwhile the answer to the release of another brings the lock along.
    await clock.advance(1_000);
    await holder.release();
    await clock.advance(5);
    await (await waiter).release();
    send();
    await clock.advance(10);
    expect(await own.inspect("a")).toMatchObject({ holder: null, waiters: 0 });
    await own.close();
    await locks.close();
  });

  /** Does what it is told; when `deaf` says so, the answer is lost. */
  const lossy = (inner: Store, deaf: (operation: string) => boolean): Store => ({
    ...inner,
    async run(operation, ...rest) {
      const reply = await inner.run(operation, ...rest);
      if (deaf(operation.name))
        throw new StoreUnavailableError({ operation: operation.name, reason: "timeout" });
      return reply;
    },
  });

  it("ends a lease that was made shorter when the store may end it, also when the answer is lost", async () => {
    const inner = memoryStore({ clock });
    let deaf = false;
    const mine = createLocks(createCache({ store: lossy(inner, () => deaf), clock }));
    const others = createLocks(createCache({ store: inner, clock }));
    const lock = await mine.acquire("a", { ttl: "10s", renew: false });
    const { signal } = lock;
    deaf = true;
    await expect(lock.extend("1s")).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await clock.advance(1_000);
    expect(await others.tryAcquire("a")).not.toBe(null);
    expect([lock.held, signal.aborted]).toEqual([false, true]);
    await mine.close();
    await others.close();
    await locks.close();
  });

  it("keeps its second chance to renew when an extension to a longer lease was not confirmed", async () => {
    let away = false;
    const inner = memoryStore({ clock });
    const store: Store = {
      ...inner,
      run: (operation, ...rest) =>
        away
          ? Promise.reject(new StoreUnavailableError({ operation: operation.name, reason: "timeout" }))
          : inner.run(operation, ...rest),
    };
    const mine = createLocks(createCache({ store, clock }));
    const lock = await mine.acquire("a", { ttl: "9s" });
    away = true;
    await expect(lock.extend("1h")).rejects.toMatchObject({ code: "LOCK_UNAVAILABLE" });
    await clock.advance(4_000);
    away = false;
    await clock.advance(5_000);
    expect(lock.held).toBe(true);
    await mine.close();
    await locks.close();
  });

  it("takes several all or none: not with one that was lost while it waited for the next", async () => {
    const other = createLocks(createCache({ store: memoryStore({ clock }), clock }));
    const blocker = await other.acquire("b", { ttl: "1h" });
    const late = other.acquireAll(["a", "b"], { ttl: "1s", renew: false, wait: "1h" });
    const refused = expect(late).rejects.toMatchObject({ code: "LOCK_LOST", lock: "a", reason: "expired" });
    await clock.advance(1_500);
    await refused;
    expect(await other.inspect("b")).toMatchObject({ waiters: 0 });
    await blocker.release();
    await (await other.acquireAll(["a", "b"], { wait: 0 })).release();
    await other.close();
    await locks.close();
  });

  it("gives up a wait when the store is closed: nothing holds the process any longer", async () => {
    const cache = cacheOn();
    const closing = createLocks(cache);
    await closing.acquire("a", { ttl: "1h", renew: false });
    const waiting = expect(closing.acquire("a", { wait: "1h" })).rejects.toMatchObject({
      code: "LOCK_UNAVAILABLE",
      cause: { reason: "closed" },
    });
    await clock.advance(10);
    await cache.close();
    await clock.advance(1_001);
    await waiting;
    await closing.close();
    await locks.close();
  });

  it("gives back a place in the queue after an outage that was longer than the lease", async () => {
    const inner = memoryStore({ clock });
    let away = false;
    const store: Store = {
      ...inner,
      run: (operation, ...rest) =>
        away
          ? Promise.reject(new StoreUnavailableError({ operation: operation.name, reason: "timeout" }))
          : inner.run(operation, ...rest),
    };
    const mine = createLocks(createCache({ store, clock }));
    const others = createLocks(createCache({ store: inner, clock }));
    const held = await others.acquire("a", { ttl: "1h" });
    const leaving = new AbortController();
    const wait = mine.acquire("a", { ttl: "1s", wait: "1h", signal: leaving.signal });
    const left = expect(wait).rejects.toBe("gone");
    await clock.advance(10);
    expect(await others.inspect("a")).toMatchObject({ waiters: 1 });
    away = true;
    leaving.abort("gone");
    await left;
    await clock.advance(5_000);
    away = false;
    await clock.advance(200);
    expect(await others.inspect("a")).toMatchObject({ waiters: 0 });
    await held.release();
    await mine.close();
    await others.close();
    await locks.close();
  });

  it("gives back after an outage only what may stand, and not all of it at once", async () => {
    const inner = memoryStore({ clock });
    let reason: "breaker" | "timeout" | undefined;
    let releases = 0;
    let underWay = 0;
    let most = 0;
    const store: Store = {
      ...inner,
      async run(operation, ...rest) {
        if (reason !== undefined) throw new StoreUnavailableError({ operation: operation.name, reason });
        if (operation.name !== "releaseLock") return inner.run(operation, ...rest);
        releases++;
        most = Math.max(most, ++underWay);
        try {
          return await inner.run(operation, ...rest);
        } finally {
          underWay--;
        }
      },
    };
    const many = createLocks(createCache({ store, clock }));
    const acquire = (i: number) => many.acquire(`a${i}`).catch((error) => error.code);
    for (const [why, expected] of [
      ["breaker", 0],
      ["timeout", 1_000],
    ] as const) {
      reason = why;
      const codes = await Promise.all(Array.from({ length: 500 }, (_, i) => acquire(i)));
      expect(new Set(codes)).toEqual(new Set(["LOCK_UNAVAILABLE"]));
      reason = undefined;
      await clock.advance(300);
      expect([why, releases]).toEqual([why, expected]);
    }
    expect(most).toBe(100);
    await many.close();
    await locks.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("hands out no lock whose lease ended while the process learned to hear", async () => {
    const inner = memoryStore({ clock });
    const store: Store = {
      ...inner,
      subscribe: async (...all) => {
        await new Promise<void>((resolve) => clock.after(200, resolve));
        return inner.subscribe(...all);
      },
    };
    const slow = createLocks(createCache({ store, clock }));
    const late = expect(slow.acquire("a", { ttl: "100ms", renew: false })).rejects.toMatchObject({
      code: "LOCK_UNAVAILABLE",
      reason: "late",
    });
    await clock.advance(300);
    await late;
    await (await slow.acquire("a", { wait: 0 })).release();
    await slow.close();
    await locks.close();
  });

  it("tells what happens, and a listener that throws hinders nobody", async () => {
    const seen: unknown[] = [];
    locks.on("lock:acquired", () => {
      throw new Error("listener");
    });
    const off = locks.on("lock:acquired", (event) => seen.push(event));
    locks.on("lock:released", (event) => seen.push(event));
    const lock = await locks.acquire("a");
    await clock.advance(5);
    await lock.release();
    expect(seen).toEqual([
      { lock: "a", fence: lock.fence, waitedMs: 0 },
      { lock: "a", fence: lock.fence, heldMs: 5 },
    ]);
    off();
    await (await locks.acquire("a")).release();
    expect(seen.length).toBe(3);
    await locks.close();
  });

  it("close gives back what a call under way takes, and what was not handed out yet", async () => {
    const inner = memoryStore({ clock });
    const later = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    const slow = (answerMs: number, hearMs: number): Store => ({
      ...inner,
      async run(operation, ...rest) {
        const reply = await inner.run(operation, ...rest);
        if (operation.name === "acquireLock") await later(answerMs);
        return reply;
      },
      async subscribe(...all) {
        await later(hearMs);
        return inner.subscribe(...all);
      },
    });
    const others = createLocks(createCache({ store: inner, clock }));
    for (const [answerMs, hearMs] of [
      [50, 0],
      [0, 200],
    ] as const) {
      const mine = createLocks(createCache({ store: slow(answerMs, hearMs), clock }));
      const refused = expect(mine.acquire("a", { ttl: "1h" })).rejects.toMatchObject({
        code: "LOCK_ABORTED",
      });
      await clock.advance(10);
      expect((await others.inspect("a")).holder).not.toBe(null);
      const closing = mine.close();
      await clock.advance(answerMs);
      await closing;
      expect(await others.inspect("a")).toMatchObject({ holder: null });
      await refused;
      await clock.advance(250);
    }
    await others.close();
    await locks.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("close waits a second at most for a call that takes long", async () => {
    const inner = memoryStore({ clock });
    const store: Store = {
      ...inner,
      async run(operation, ...rest) {
        await new Promise<void>((resolve) => clock.after(5_000, resolve));
        return inner.run(operation, ...rest);
      },
    };
    const slow = createLocks(createCache({ store, clock }));
    const refused = expect(slow.acquire("a")).rejects.toMatchObject({ code: "LOCK_ABORTED" });
    await clock.advance(10);
    let closed = false;
    const closing = slow.close().then(() => {
      closed = true;
    });
    await clock.advance(999);
    expect(closed).toBe(false);
    await clock.advance(1);
    expect(closed).toBe(true);
    await closing;
    await refused;
    await locks.close();
  });

  it("close leaves no timer, and what is held counts as lost", async () => {
    const lock = await locks.acquire("a");
    const waiting = expect(locks.acquire("a", { wait: "1d" })).rejects.toMatchObject({
      code: "LOCK_ABORTED",
    });
    await clock.advance(10);
    await locks.close();
    await waiting;
    expect(lock.signal.reason).toMatchObject({ reason: "closed" });
    expect(await lock.release()).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});
