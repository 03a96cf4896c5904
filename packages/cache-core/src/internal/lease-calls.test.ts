import { expect, it } from "vitest";
import type { AtomicReply } from "../atomic-operation.ts";
import { createCache } from "../create-cache.ts";
import { memoryStore } from "../memory-store.ts";
import { takeLeases } from "../scripts/take-leases.ts";
import type { Store } from "../store.ts";
import { createFakeClock } from "../testing/create-fake-clock.ts";

it("an answer that is no answer leaves the caller without a lease, and without an error", async () => {
  for (const answer of [[], [1, 2, 3], "OK", null]) {
    const store = memoryStore();
    const sick: Store = { ...store, run: () => Promise.resolve(answer as AtomicReply) };
    const cache = createCache({ store: sick });
    expect(await cache.getOrSet("k", () => "fetched", 60)).toBe("fetched");
    await cache.close();
  }
});

it("takes over from a dead holder, also when the server's clock was set back since it took the lease", async () => {
  const clock = createFakeClock();
  const store = memoryStore({ clock });
  const cache = createCache({ store, clock });
  const { keys } = cache.internals;
  for (const [key, setBackMs] of [
    ["as it was", 0],
    ["an hour back", 3_600_000],
  ] as const) {
    const args = [keys.base, keys.hashTag(0), 3_000, key, "dead.0", "", -1];
    await store.run(takeLeases, [keys.index(0)], args);
    clock.setWall(clock.wall() - setBackMs);
    const call = cache.getOrSet(key, () => "fetched", 60);
    await clock.advance(4_000);
    expect(await Promise.race([call, "still waits"]), key).toBe("fetched");
    expect(await cache.get(key), key).toBe("fetched");
  }
  await cache.close();
});
