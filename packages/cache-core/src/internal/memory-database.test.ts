import { seededRandom } from "@crm/testkit";
import { describe, expect, it } from "vitest";
import { createFakeClock } from "../testing/create-fake-clock.ts";
import { createMemoryDatabase, type EmbeddedDatabase } from "./memory-database.ts";

const START_MS = 1_000_000;

function setup(): { clock: ReturnType<typeof createFakeClock>; db: EmbeddedDatabase; log: string[] } {
  const clock = createFakeClock({ startMs: START_MS });
  const log: string[] = [];
  const db = createMemoryDatabase({
    clock,
    random: seededRandom(1).next,
    onPublish: (channel, message) => {
      log.push(`${channel}=${message}`);
      return 2;
    },
    onAppend: (stream) => log.push(`append ${stream}`),
  });
  return { clock, db, log };
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe("expiry", () => {
  it("keeps a key through its last millisecond, as Redis does, then loses it for every command", () => {
    const { clock, db } = setup();
    db.set("k", bytes("v"), START_MS + 10);
    clock.advanceSync(10);
    expect(db.get("k")?.toString()).toBe("v");
    expect(db.pttl("k")).toBe(0);
    clock.advanceSync(1);
    expect(db.pttl("k")).toBe(-2);
    expect(db.get("k")).toBeNull();
    expect(db.exists("k")).toBe(false);
    expect(db.sadd("k", "free for another type")).toBe(true);
  });

  it("counts in whole milliseconds when the clock has a fraction", () => {
    let now = START_MS;
    const db = createMemoryDatabase({
      clock: createFakeClock(),
      now: () => now,
      random: Math.random,
      onPublish: () => {},
    });
    db.set("k", bytes("v"), START_MS + 10);
    now = START_MS + 10.9;
    expect(db.exists("k")).toBe(true);
    expect(db.pttl("k")).toBe(0);
    expect(db.nowMs()).toBe(START_MS + 10.9);
    now = START_MS + 11;
    expect(db.exists("k")).toBe(false);
  });

  it("is lifted by a plain set and kept by append, setrange and incrby", () => {
    const { db } = setup();
    db.set("k", bytes("1"), START_MS + 10);
    db.incrby("k", 1);
    db.append("k", bytes("0"));
    db.setrange("k", 0, bytes("3"));
    expect(db.get("k")?.toString()).toBe("30");
    expect(db.pttl("k")).toBe(10);
    db.set("k", bytes("2"));
    expect(db.pttl("k")).toBe(-1);
  });

  it("only grows with gt, and no expiry is the longest", () => {
    const { db } = setup();
    db.set("k", bytes("v"), START_MS + 10);
    expect(db.pexpireat("k", START_MS + 10, true)).toBe(false);
    expect(db.pexpireat("k", START_MS + 20, true)).toBe(true);
    expect(db.pttl("k")).toBe(20);
    expect(db.pexpireat("k", START_MS + 5)).toBe(true);
    expect(db.pttl("k")).toBe(5);
    db.set("forever", bytes("v"));
    expect(db.pexpireat("forever", START_MS + 1_000, true)).toBe(false);
    expect(db.pexpireat("missing", START_MS + 1_000)).toBe(false);
  });

  it("refuses times that are not whole milliseconds, and changes nothing", () => {
    const { db } = setup();
    expect(() => db.set("k", bytes("v"), START_MS + 0.5)).toThrow("ERR value is not an integer");
    expect(db.exists("k")).toBe(false);
    db.set("k", bytes("v"));
    expect(() => db.pexpireat("k", Number.NaN)).toThrow("ERR value is not an integer");
    expect(db.pttl("k")).toBe(-1);
  });

  it("is swept in order, up to the limit, and counted right by dbsize", () => {
    const { clock, db } = setup();
    for (let i = 0; i < 1_000; i++) db.set(`k${i}`, bytes("v"), START_MS + 1 + ((i * 7) % 1_000));
    db.set("forever", bytes("v"));
    expect(db.sweepExpired(100)).toBe(0);
    clock.advanceSync(501);
    expect(db.sweepExpired(100)).toBe(100);
    expect(db.keyCount).toBe(901);
    expect(db.dbsize()).toBe(501);
    expect(db.keyCount).toBe(501);
    clock.advanceSync(10_000);
    expect(db.sweepExpired(Infinity)).toBe(500);
    expect([...db.keysWithPrefix("", 10)].flat()).toEqual(["forever"]);
  });

  it("stands still inside an atomic step", () => {
    const { clock, db } = setup();
    db.set("k", bytes("v"), START_MS + 10);
    const seen = db.atomic(() => {
      const before = [db.nowMs(), db.exists("k")];
      clock.advanceSync(60_000);
      return [...before, db.atomic(() => db.nowMs()), db.exists("k")];
    });
    expect(seen).toEqual([START_MS, true, START_MS, true]);
    expect(db.exists("k")).toBe(false);
    expect(() =>
      db.atomic(() => {
        throw new Error("boom");
      }),
    ).toThrow("boom");
    expect(db.nowMs()).toBe(START_MS + 60_000);
  });
});

describe("memory", () => {
  it("counts bytes back to zero whatever happened to the keys", () => {
    const { clock, db } = setup();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 50; i++) {
        db.set(`s${i}`, bytes("x".repeat(i)), START_MS + 10_000);
        db.append(`s${i}`, bytes("tail"));
        db.sadd("set", `m${i}`);
        db.zadd("zset", i, `m${i}`);
        db.hset("hash", `f${i}`, bytes("v".repeat(i)));
        db.xadd("stream", 10, [["f", bytes("v")]]);
      }
      db.set("hash", bytes("overwritten"));
      expect(db.byteEstimate).toBeGreaterThan(5_000);
      for (let i = 0; i < 50; i++) {
        db.srem("set", `m${i}`);
        if (i < 25) db.zrem("zset", `m${i}`);
      }
      db.zremrangebyscore("zset", -Infinity, Infinity);
      db.del("hash");
      db.del("stream");
      clock.advanceSync(20_000);
      clock.setWall(START_MS + 20_000);
      expect(db.dbsize()).toBe(0);
      expect(db.byteEstimate).toBe(0);
      clock.setWall(START_MS);
    }
    db.set("k", bytes("v"));
    db.clear();
    expect([db.keyCount, db.byteEstimate]).toEqual([0, 0]);
  });

  it("does not grow when expiries are moved", () => {
    const { db } = setup();
    for (let i = 0; i < 100_000; i++) db.set(`k${i % 10}`, bytes("v"), START_MS + 1 + (i % 977));
    expect(db.keyCount).toBe(10);
    expect(db.byteEstimate).toBeLessThan(5_000);
  });
});

describe("strings", () => {
  it("never changes a buffer that was given or handed out", () => {
    const { db } = setup();
    const given = bytes("abc");
    db.set("k", given);
    const got = db.get("k");
    db.setrange("k", 0, bytes("XYZ"));
    db.append("k", bytes("!"));
    expect(given.toString()).toBe("abc");
    expect(got?.toString()).toBe("abc");
    expect(db.get("k")?.toString()).toBe("XYZ!");
  });

  it("counts exactly beyond 2^53, and refuses to leave 64 bits", () => {
    const { db } = setup();
    db.set("k", bytes("9007199254740992"));
    db.incrby("k", 1);
    expect(db.get("k")?.toString()).toBe("9007199254740993");
    db.set("k", bytes("9223372036854775807"));
    expect(() => db.incrby("k", 1)).toThrow("ERR increment or decrement would overflow");
    expect(db.get("k")?.toString()).toBe("9223372036854775807");
  });

  it("refuses strings beyond 512 MB", () => {
    const { db } = setup();
    expect(() => db.setrange("k", 512 * 1024 * 1024, bytes("x"))).toThrow("ERR string exceeds maximum");
    expect(db.exists("k")).toBe(false);
  });
});

describe("sets", () => {
  it("draws different members, all of them when asked for more, evenly", () => {
    const { db } = setup();
    const members = Array.from({ length: 20 }, (_, i) => `m${i}`);
    for (const member of members) db.sadd("k", member);
    const seen = new Map<string, number>();
    for (let i = 0; i < 4_000; i++) {
      const drawn = db.srandmember("k", 2);
      expect(new Set(drawn).size).toBe(2);
      for (const member of drawn) seen.set(member, (seen.get(member) ?? 0) + 1);
    }
    // 400 each are expected; six standard deviations are 114.
    for (const member of members) expect(Math.abs((seen.get(member) ?? 0) - 400)).toBeLessThan(114);
    expect(new Set(db.srandmember("k", 15)).size).toBe(15);
    expect(db.srandmember("k", 99).sort()).toEqual([...members].sort());
    expect(db.srandmember("k", -50)).toHaveLength(50);
    expect(db.srandmember("missing", 2)).toEqual([]);
  });
});

describe("streams", () => {
  it("gives ids that only grow, also when the clock goes back or the stream is empty", () => {
    const { clock, db } = setup();
    const add = (): string => db.xadd("s", 0, [["f", bytes("v")]]);
    expect(add()).toBe(`${START_MS}-0`);
    expect(add()).toBe(`${START_MS}-1`);
    clock.setWall(5);
    expect(add()).toBe(`${START_MS}-2`);
    clock.setWall(START_MS + 1);
    expect(add()).toBe(`${START_MS + 1}-0`);
    expect(db.xlen("s")).toBe(0);
    expect(db.exists("s")).toBe(true);
  });

  it("keeps the newest entries only, and finds them by id from either end", () => {
    const { clock, db } = setup();
    for (let i = 0; i < 5_000; i++) {
      db.xadd("s", 100, [["i", bytes(String(i))]]);
      clock.advanceSync(1);
    }
    expect(db.xlen("s")).toBe(100);
    const numbers = (entries: readonly { fields: ReadonlyMap<string, Buffer> }[]): number[] =>
      entries.map(({ fields }) => Number(fields.get("i")));
    expect(numbers(db.xrange("s", "-", "+", 2))).toEqual([4_900, 4_901]);
    expect(numbers(db.xrevrange("s", "+", "-", 2))).toEqual([4_999, 4_998]);
    const from = `${START_MS + 4_950}-0`;
    expect(numbers(db.xrange("s", from, "+", 1))).toEqual([4_950]);
    expect(numbers(db.xrange("s", `(${from}`, "+", 1))).toEqual([4_951]);
    expect(numbers(db.xrange("s", String(START_MS + 4_998), String(START_MS + 4_999)))).toEqual([
      4_998, 4_999,
    ]);
    expect(db.byteEstimate).toBeLessThan(60_000);
  });
});

describe("the store's side", () => {
  it("is told of messages and appends, and says how many receive a message", () => {
    const { db, log } = setup();
    db.xadd("s", 10, [["f", bytes("v")]]);
    expect(db.publish("c", bytes("hello"))).toBe(2);
    expect(log).toEqual(["append s", "c=hello"]);
  });

  it("scans by prefix in pages while the keys change", () => {
    const { clock, db } = setup();
    for (let i = 0; i < 100; i++) db.set(`a:${i}`, bytes("v"));
    for (let i = 0; i < 100; i++) db.set(`b:${i}`, bytes("v"), START_MS + 5);
    clock.advanceSync(6);
    const seen: string[] = [];
    let pages = 0;
    for (const page of db.keysWithPrefix("a:", 10)) {
      expect(page.length).toBeLessThanOrEqual(10);
      seen.push(...page);
      pages++;
      db.del(`a:${99 - pages}`);
      db.set(`c:${pages}`, bytes("v"));
    }
    for (let i = 0; i < 80; i++) expect(seen).toContain(`a:${i}`);
    expect(new Set(seen).size).toBe(seen.length);
    expect([...db.keysWithPrefix("b:", 10)].flat()).toEqual([]);
  });

  it("says WRONGTYPE on a key of another type and leaves it as it is", () => {
    const { db } = setup();
    db.set("k", bytes("v"));
    const wrong: (() => unknown)[] = [
      () => db.sadd("k", "m"),
      () => db.zadd("k", 1, "m"),
      () => db.hset("k", "f", bytes("v")),
      () => db.xadd("k", 1, [["f", bytes("v")]]),
    ];
    for (const command of wrong) expect(command).toThrow(/^WRONGTYPE /);
    db.sadd("set", "m");
    expect(() => db.get("set")).toThrow(/^WRONGTYPE /);
    expect(db.get("k")?.toString()).toBe("v");
  });
});
