import { createCache, memoryStore } from "@crm/cache-core";
import { createLocks, type Lock, type LockActions, lockActions } from "./index.ts";

const cache = createCache({ store: memoryStore() });
const locks = createLocks(cache, { ttl: "10s", wait: 5, durability: { replicas: 1, timeout: "1s" } });

export const extended: LockActions = cache.extend(lockActions());
export const value: Promise<string | null> = extended.acquireLock("a", 30);
export const was: Promise<boolean> = extended.releaseLock("a", "value");

export const lock: Promise<Lock> = locks.acquire("a", { wait: "5s", signal: AbortSignal.timeout(5) });
export const maybe: Promise<Lock | null> = locks.tryAcquire("a");
export const result: Promise<number> = locks.withLock("a", () => 1);
export const later: Promise<string> = locks.withLock(
  "a",
  { reentrant: true },
  async ({ fence }) => `${fence}`,
);
export const writer: Promise<Lock> = locks.readWrite("a").write.acquire();
export const permits: Promise<Lock> = locks.semaphore("a", { permits: 3 }).acquire({ permits: 2 });

export async function scoped(): Promise<number> {
  await using held = await locks.acquire("a");
  await using several = await locks.acquireAll(["a", "b"]);
  return held.fence + several.fences.size;
}

locks.on("lock:lost", ({ reason }) => {
  const known: "expired" | "taken" | "forced" | "released" | "closed" = reason;
  return known;
});

// @ts-expect-error names are strings
locks.acquire(7);
// @ts-expect-error a semaphore says how many permits there are
locks.semaphore("a");
// @ts-expect-error no such event
locks.on("lock:found", () => {});
// @ts-expect-error a semaphore is not re-entrant
locks.semaphore("a", { permits: 1 }).acquire({ reentrant: true });
// @ts-expect-error durations are numbers or texts with a unit
locks.acquire("a", { ttl: "10 seconds" });
