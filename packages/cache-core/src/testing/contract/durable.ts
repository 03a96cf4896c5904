import type { AtomicOperation } from "../../atomic-operation.ts";
import { type Chapter, deferred } from "./suite.ts";

const PUT: AtomicOperation = {
  name: "contract:put",
  lua: "-- KEYS: key. ARGV: text.\nredis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return ARGV[1]",
  run(db, keys, args) {
    const bytes = Buffer.from(String(args[0]));
    db.set(keys[0] as string, bytes, Math.floor(db.nowMs()) + 60_000);
    return bytes;
  },
};

/** Operations that wait for replicas. */
export const durable: Chapter = ({ expect }, test) => {
  test("an operation that waits for replicas is done, and says how many have it", async (t) => {
    const { store, keys } = t.cache().internals;
    const key = keys.entry("durable");
    const durability = { replicas: 1, timeoutMs: 20 };
    const made = await Promise.all(
      ["a", "b", "c"].map((text) => store.runDurably(PUT, [key], [text], durability)),
    );
    expect(made.map(({ reply }) => String(reply))).toEqual(["a", "b", "c"]);
    for (const { acknowledged } of made) expect(acknowledged >= 0 && acknowledged < 9).toBe(true);
    expect(String(await store.get(key))).toBe("c");
    await store.runDurably(PUT, [key], ["d"], durability);
    expect(String(await store.get(key))).toBe("d");
    await t.cache().del("durable");
  });

  test("others do not wait behind an operation that waits for replicas", async (t) => {
    const { store, keys } = t.cache().internals;
    const key = keys.entry("durable");
    let waits = true;
    const done = deferred();
    // More than any test has, so that a server with replicas waits as well.
    store.runDurably(PUT, [key], ["x"], { replicas: 99, timeoutMs: 400 }).then(() => {
      waits = false;
      done.resolve();
    }, done.reject);
    for (let i = 0; i < 5; i++) await store.get(key);
    if (store.topology !== "memory") expect(waits).toBe(true);
    await t.until(() => !waits, "the end of the wait");
    await done.promise;
    await t.cache().del("durable");
  });
};
