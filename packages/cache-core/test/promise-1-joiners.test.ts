// Callers that join a fill, wait for one in another process, or meet the repair of an index: what each may be given.
// Every test here failed once.

import { expect, test } from "vitest";
import { z } from "zod";
import type { AtomicOperation } from "../src/atomic-operation.ts";
import { createCache, memoryStore } from "../src/index.ts";
import type { Store } from "../src/store.ts";
import { createFakeClock } from "../src/testing/create-fake-clock.ts";
import { gate } from "./support/gate.ts";

/** As many turns as any chain of steps over a memory store takes. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Two caches over one store: two processes that share a server. */
function pair(store: Store = memoryStore()) {
  return { store, here: createCache({ store }), there: createCache({ store }) };
}

for (const where of ["upfront", "in the fetcher"] as const) {
  for (const caller of ["same process", "another process"] as const) {
    test(`a null fetched before its tag (${where}) was invalidated is not given to who came later (${caller})`, async () => {
      const { here, there } = pair();
      const fetching = gate();
      let row: string | null = null;
      const options = where === "upfront" ? { tags: ["rows"] } : {};
      const first = here.getOrSet(
        "row:1",
        async (context) => {
          if (where === "in the fetcher") context.addTags("rows");
          const seen = row;
          await fetching.passed;
          return seen;
        },
        options,
      );
      await settle();
      row = "created";
      await there.invalidateByTag("rows");
      const late = (caller === "same process" ? here : there).getOrSet("row:1", () => row, options);
      await settle();
      fetching.open();
      expect(await first).toBeNull();
      expect(await late).toBe("created");
    });
  }
}

test("an error of a fetch that began before its tag was invalidated is not given to who joined later", async () => {
  const { here, there } = pair();
  const fetching = gate();
  const first = here.getOrSet(
    "row:1",
    async () => {
      await fetching.passed;
      throw new Error("no such row");
    },
    { tags: ["rows"] },
  );
  first.catch(() => {});
  await settle();
  await there.invalidateByTag("rows");
  const late = here.getOrSet("row:1", () => "created", { tags: ["rows"] });
  late.catch(() => {});
  await settle();
  fetching.open();
  await expect(first).rejects.toThrow("no such row");
  expect(await late).toBe("created");
});

test("a value that is not stored on purpose is fetched, not replaced by null, in a process that waited for it", async () => {
  const { here, there } = pair();
  const fetching = gate();
  const first = here.getOrSet("draft", async (context) => {
    context.skipStore();
    await fetching.passed;
    return "mine";
  });
  await settle();
  const waiter = there.getOrSet("draft", () => "theirs");
  await settle();
  fetching.open();
  expect(await first).toBe("mine");
  expect(await waiter).toBe("theirs");
});

test("an undefined is undefined in a process that waited for it, too", async () => {
  const { here, there } = pair();
  const fetching = gate();
  const first = here.getOrSet<string | undefined>("nothing", async () => {
    await fetching.passed;
    return undefined;
  });
  await settle();
  const waiter = there.getOrSet<string | undefined>("nothing", () => undefined);
  await settle();
  fetching.open();
  expect(await first).toBeUndefined();
  expect(await waiter).toBeUndefined();
});

test("a lease taken by hand and given up says nothing about the value: who waited for it fetches", async () => {
  const { here, there } = pair();
  const lease = await here.lease("report");
  const waiter = there.getOrSet("report", () => "fetched");
  await settle();
  await lease.release();
  expect(await waiter).toBe("fetched");
});

for (const who of ["same process", "another process"] as const) {
  test(`who waits for a lease taken by hand is told of its fill at once (${who})`, async () => {
    const { here, there } = pair();
    const lease = await here.lease("report");
    const waiter = (who === "same process" ? here : there).getOrSet("report", () => "fetched");
    await settle();
    expect(await lease.fill("by hand")).toBe(true);
    expect(await Promise.race([waiter, settle()])).toBe("by hand");
  });
}

test("the news of an earlier lease, arriving late, is not taken for that of the one waited for", async () => {
  const inner = memoryStore();
  const held: (() => void)[] = [];
  let slow = false;
  const { there } = pair(inner);
  // The wake-up channel of this process lags, as between the nodes of a Cluster.
  const here = createCache({
    store: {
      ...inner,
      subscribe: (channel, handler) =>
        inner.subscribe(channel, (message) => {
          if (slow) held.push(() => handler(message));
          else handler(message);
        }),
    },
  });
  let row: string | null = null;
  // Waits, by hand, for a fetch that ends with nothing.
  const firstFetch = gate();
  const nothing = there.getOrSet("row:1", async () => {
    await firstFetch.passed;
    return row;
  });
  await settle();
  const byHand = here.lease("row:1");
  await settle();
  slow = true;
  firstFetch.open();
  expect(await nothing).toBeNull();
  // Then the row is created, and others fetch it.
  row = "created";
  await there.del("row:1");
  const secondFetch = gate();
  const second = there.getOrSet("row:1", async () => {
    await secondFetch.passed;
    return row;
  });
  await settle();
  const late = here.getOrSet("row:1", () => row);
  await settle();
  for (const deliver of held.splice(0)) deliver();
  slow = false;
  await settle();
  secondFetch.open();
  expect(await second).toBe("created");
  expect(await late).toBe("created");
  await (await byHand).release();
});

const loseIndex: AtomicOperation = {
  name: "loseIndex",
  lua: "return redis.call('DEL', KEYS[1])",
  run: (database, keys) => (database.del(keys[0] as string) ? 1 : 0),
};

for (const also of ["same process", "another process"] as const) {
  test(`an invalidation visits what a repair begun by another invalidation has found (${also})`, async () => {
    const { here, there, store } = pair();
    await here.set("companies:1", "old");
    await store.run(loseIndex, [here.internals.keys.index(0)], []);
    const other = also === "same process" ? here : there;
    await Promise.all([other.invalidatePattern("deals:*"), here.invalidatePattern("companies:*")]);
    expect(await here.get("companies:1")).toBeNull();
  });
}

test("an entry that its reader's schema refuses is fetched anew", async () => {
  const { here } = pair();
  await here.set("company", { name: 1 });
  const schema = z.object({ name: z.string() });
  expect(await here.getOrSet("company", () => ({ name: "Acme" }), { schema })).toEqual({ name: "Acme" });
  expect(await here.get("company")).toEqual({ name: "Acme" });
});

test("while a refresh runs in the background the stale value is served at once, to everybody", async () => {
  const { here, there } = pair();
  await here.set("list", "old", { ttl: 60, staleTtl: 60 });
  await here.invalidate("list", { soft: true });
  const fetching = gate();
  const fetcher = async () => {
    await fetching.passed;
    return "new";
  };
  const options = { ttl: 60, staleTtl: 60 };
  expect(await here.getOrSet("list", fetcher, options)).toBe("old");
  await settle();
  expect(await Promise.race([here.getOrSet("list", fetcher, options), settle()])).toBe("old");
  expect(await Promise.race([there.getOrSet("list", fetcher, options), settle()])).toBe("old");
  fetching.open();
  await settle();
  expect(await here.get("list")).toBe("new");
});

for (const [how, backMs, laterMs] of [
  ["and stays behind the beginning of a fetch", 60, 0],
  ["and has passed the beginning of the fetch again when it ends", 500, 600],
  ["by an hour", 3_600_000, 0],
] as const) {
  test(`a server's clock that is set back, ${how}, hides no invalidation of its tags`, async () => {
    const clock = createFakeClock();
    const store = memoryStore({ clock });
    const here = createCache({ store, clock });
    const there = createCache({ store, clock });
    const fetching = gate();
    let row = "old";
    const first = here.getOrSet("row:1", async (context) => {
      const seen = row;
      await fetching.passed;
      context.addTags("rows");
      return seen;
    });
    await settle();
    row = "new";
    clock.setWall(clock.wall() - backMs);
    await there.invalidateByTag("rows");
    await clock.advance(laterMs);
    fetching.open();
    expect(await first).toBe("old");
    expect(await there.get("row:1")).toBeNull();
    // And nothing is refused because of it.
    const second = there.getOrSet("row:1", (context) => {
      context.addTags("rows");
      return row;
    });
    expect(await second).toBe("new");
    expect(await here.get("row:1")).toBe("new");
  });
}

for (const stored of ["a value that is stored", "a null that is not"] as const) {
  for (const memory of [true, false]) {
    const tier = memory ? "" : ", without the in-process tier";
    test(`${stored}, whose confirmation is still on its way, is not given to who came after its invalidation${tier}`, async () => {
      const inner = memoryStore();
      const reply = gate();
      const { there } = pair(inner);
      // The server has ended the lease; its answer waits in the network.
      const here = createCache({
        memory,
        store: {
          ...inner,
          async run(operation, keys, args, options) {
            const answer = await inner.run(operation, keys, args, options);
            if (/^(fillEntries|releaseLease)$/.test(operation.name)) await reply.passed;
            return answer;
          },
        },
      });
      let row: string | null = stored === "a null that is not" ? null : "old";
      const first = here.getOrSet<string | null>("row:1", () => row);
      const early = here.getOrSet<string | null>("row:1", () => row);
      await settle();
      const before = row;
      row = "new";
      await there.del("row:1");
      const late = here.getOrSet<string | null>("row:1", () => row);
      await settle();
      reply.open();
      expect(await Promise.all([first, early])).toEqual([before, before]);
      expect(await late).toBe("new");
      expect(await here.getOrSet("row:1", () => "not asked for")).toBe("new");
    });
  }
}

test("leases that were lost between an invalidation and the end of a fetch refuse its value", async () => {
  const clock = createFakeClock();
  const store = memoryStore({ clock });
  const here = createCache({ store, clock, namespace: "n" });
  const there = createCache({ store, clock, namespace: "n" });
  const evict: AtomicOperation = {
    name: "evict",
    lua: "return redis.call('DEL', KEYS[1]) -- KEYS: the leases",
    run: (database, keys) => (database.del(keys[0] as string) ? 1 : 0),
  };
  for (const before of [true, false]) {
    const fetching = gate();
    const lost = async (): Promise<void> => {
      expect(await store.run(evict, [here.internals.keys.leases(0)], [])).toBe(1);
    };
    const first = here.getOrSet("row:1", async (context) => {
      await fetching.passed;
      context.addTags("rows");
      return "old";
    });
    await settle();
    if (before) await lost();
    await there.invalidateByTag("rows");
    if (!before) await lost();
    // The numbers of the marks begin anew.
    await there.getOrSet("row:2", () => 1, { tags: ["others"] });
    fetching.open();
    expect(await first).toBe("old");
    expect(await there.get("row:1")).toBeNull();
    await there.clear();
  }
});
