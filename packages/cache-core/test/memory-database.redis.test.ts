import { type RedisServer, startRedis } from "@crm/testkit";
import * as fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/clock.ts";
import { createMemoryDatabase, type EmbeddedDatabase } from "../src/internal/memory-database.ts";
import type { StreamEntry } from "../src/memory-database.ts";

/** A command in the words of Redis, and the same as a call of the memory database. */
interface Command {
  readonly words: readonly (string | Buffer)[];
  readonly run: (database: EmbeddedDatabase) => unknown;
  /** Replies whose order Redis leaves open. */
  readonly unordered?: boolean;
}

/** Fixed, so that a failure comes back. */
const SEED = 20261123;
const HISTORIES = 300;
const LONGEST_HISTORY = 200;
/** Far enough that nothing expires while the test runs. */
const FUTURE_MS = 4_000_000_000_000;

const key = fc.constantFrom("a", "b", "c", "š:1", "{t}x");
/** Texts on either side of every border at which UTF-16 and UTF-8 disagree. */
const member = fc.constantFrom(
  ..."a b ab aa z : * [a (a - +".split(" "),
  ...["", "š", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "😀", "a\ue000", "a😀", "a\uffffb"],
);
const value = fc
  .oneof(
    fc.constantFrom(
      "0",
      "7",
      "-3",
      "10",
      "-0",
      "+1",
      " 1",
      "01",
      "1.5",
      "9223372036854775807",
      "-9223372036854775808",
    ),
    fc.constantFrom(
      "9007199254740991",
      "9007199254740993",
      "9223372036854775808",
      "99999999999999999999",
      "",
    ),
    fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  )
  .map((text) => Buffer.from(text, "latin1"));
const integer = fc.oneof(
  fc.integer({ min: -8, max: 8 }),
  fc.constantFrom(9007199254740991, -9007199254740991),
);
const index = fc.integer({ min: -9, max: 9 });
const score = fc.constantFrom(-Infinity, -1.5, -0, 0, 1, 1.5, 2, Infinity);
const expiry = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: FUTURE_MS, max: FUTURE_MS + 5 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 0, 1, 1_000) },
);
const lexBound = fc.oneof(
  fc.constantFrom("-", "+", "x", ""),
  fc.tuple(fc.constantFrom("[", "("), member).map(([kind, text]) => kind + text),
);
const limit = fc.option(fc.tuple(fc.integer({ min: -1, max: 3 }), fc.integer({ min: -1, max: 4 })), {
  nil: undefined,
});
const streamBound = fc.constantFrom(
  "-",
  "+",
  "0",
  "0-1",
  "(0-1",
  "5-",
  "x",
  "(",
  String(FUTURE_MS),
  `(${FUTURE_MS}-0`,
);
const streamCount = fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined });

const text = (number: number): string =>
  number === Infinity ? "+inf" : number === -Infinity ? "-inf" : String(number);
const words = (...all: (string | number | Buffer)[]): (string | Buffer)[] =>
  all.map((word) => (typeof word === "number" ? text(word) : word));
const limitWords = (given: [number, number] | undefined): (string | number)[] =>
  given === undefined ? [] : ["LIMIT", ...given];
const pairs = (entries: readonly StreamEntry[]): unknown[] =>
  entries.map(({ id, fields }) => [id, [...fields].flat()]);

/** Commands by type, so that histories in which a key keeps its type for a while are common. */
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(key, value, fc.option(expiry, { nil: undefined })).map(([k, v, at]) => ({
    words: words("SET", k, v, ...(at === undefined ? [] : ["PXAT", at])),
    run: (db: EmbeddedDatabase) => {
      db.set(k, v, at);
      return "OK";
    },
  })),
  key.map((k) => ({ words: words("GET", k), run: (db: EmbeddedDatabase) => db.get(k) })),
  key.map((k) => ({ words: words("DEL", k), run: (db: EmbeddedDatabase) => db.del(k) })),
  key.map((k) => ({ words: words("EXISTS", k), run: (db: EmbeddedDatabase) => db.exists(k) })),
  // DBSIZE of Redis counts expired keys that nobody has met yet.
  fc.constant({
    words: ["EVAL", "return #redis.call('KEYS', '*')", "0"],
    run: (db: EmbeddedDatabase) => db.dbsize(),
  }),
  // PTTL depends on the two clocks; PEXPIRETIME does not.
  key.map((k) => ({
    words: words("PEXPIRETIME", k),
    run: (db: EmbeddedDatabase) => {
      const remaining = db.pttl(k);
      return remaining < 0 ? remaining : Math.floor(db.nowMs()) + remaining;
    },
  })),
  fc.tuple(key, expiry, fc.boolean()).map(([k, at, gt]) => ({
    words: words("PEXPIREAT", k, at, ...(gt ? ["GT"] : [])),
    run: (db: EmbeddedDatabase) => db.pexpireat(k, at, gt),
  })),
  fc.tuple(key, value).map(([k, v]) => ({
    words: words("APPEND", k, v),
    run: (db: EmbeddedDatabase) => db.append(k, v),
  })),
  fc.tuple(key, index, index).map(([k, start, end]) => ({
    words: words("GETRANGE", k, start, end),
    run: (db: EmbeddedDatabase) => db.getrange(k, start, end),
  })),
  fc.tuple(key, index, value).map(([k, offset, v]) => ({
    words: words("SETRANGE", k, offset, v),
    run: (db: EmbeddedDatabase) => db.setrange(k, offset, v),
  })),
  fc.tuple(key, integer).map(([k, by]) => ({
    words: words("INCRBY", k, by),
    run: (db: EmbeddedDatabase) => db.incrby(k, by),
  })),

  fc.tuple(key, member).map(([k, m]) => ({
    words: words("SADD", k, m),
    run: (db: EmbeddedDatabase) => db.sadd(k, m),
  })),
  fc.tuple(key, member).map(([k, m]) => ({
    words: words("SREM", k, m),
    run: (db: EmbeddedDatabase) => db.srem(k, m),
  })),
  fc.tuple(key, member).map(([k, m]) => ({
    words: words("SISMEMBER", k, m),
    run: (db: EmbeddedDatabase) => db.sismember(k, m),
  })),
  key.map((k) => ({ words: words("SCARD", k), run: (db: EmbeddedDatabase) => db.scard(k) })),
  key.map((k) => ({
    words: words("SMEMBERS", k),
    run: (db: EmbeddedDatabase) => db.smembers(k),
    unordered: true,
  })),
  // Only the number of draws can be compared; that they are members and differ is tested beside the source.
  fc.tuple(key, fc.integer({ min: -3, max: 4 })).map(([k, count]) => ({
    words: words("EVAL", "return #redis.call('SRANDMEMBER', KEYS[1], ARGV[1])", 1, k, count),
    run: (db: EmbeddedDatabase) => db.srandmember(k, count).length,
  })),

  fc.tuple(key, score, member, fc.boolean()).map(([k, s, m, gt]) => ({
    words: words("ZADD", k, ...(gt ? ["GT"] : []), s, m),
    run: (db: EmbeddedDatabase) => db.zadd(k, s, m, gt),
  })),
  fc.tuple(key, member).map(([k, m]) => ({
    words: words("ZREM", k, m),
    run: (db: EmbeddedDatabase) => db.zrem(k, m),
  })),
  fc.tuple(key, member).map(([k, m]) => ({
    words: words("ZSCORE", k, m),
    run: (db: EmbeddedDatabase) => {
      const found = db.zscore(k, m);
      return found === null ? null : text(found).replace("+", "");
    },
  })),
  key.map((k) => ({ words: words("ZCARD", k), run: (db: EmbeddedDatabase) => db.zcard(k) })),
  fc.tuple(key, score, score, limit).map(([k, min, max, given]) => ({
    words: words("ZRANGEBYSCORE", k, min, max, ...limitWords(given)),
    run: (db: EmbeddedDatabase) => db.zrangebyscore(k, min, max, ...(given ?? [])),
  })),
  fc.tuple(key, score, score).map(([k, min, max]) => ({
    words: words("ZREMRANGEBYSCORE", k, min, max),
    run: (db: EmbeddedDatabase) => db.zremrangebyscore(k, min, max),
  })),

  fc.tuple(key, member, value).map(([k, f, v]) => ({
    words: words("HSET", k, f, v),
    run: (db: EmbeddedDatabase) => db.hset(k, f, v),
  })),
  fc.tuple(key, member).map(([k, f]) => ({
    words: words("HGET", k, f),
    run: (db: EmbeddedDatabase) => db.hget(k, f),
  })),
  fc.tuple(key, member).map(([k, f]) => ({
    words: words("HDEL", k, f),
    run: (db: EmbeddedDatabase) => db.hdel(k, f),
  })),
  key.map((k) => ({
    words: words("EVAL", "return redis.call('HGETALL', KEYS[1])", 1, k),
    run: (db: EmbeddedDatabase) => [...db.hgetall(k)].flat(),
    unordered: true,
  })),

  fc
    .tuple(key, fc.integer({ min: -1, max: 3 }), fc.constantFrom("f", "š"), value)
    .map(([k, maxLength, f, v]) => ({
      words: words("XADD", k, "MAXLEN", "=", maxLength, "*", f, v),
      run: (db: EmbeddedDatabase) => db.xadd(k, maxLength, [[f, v]]),
    })),
  fc.tuple(key, fc.constantFrom(0, 1, 9_999_999_999_999)).map(([k, minMs]) => ({
    words: words("XTRIM", k, "MINID", "=", String(minMs)),
    run: (db: EmbeddedDatabase) => db.xtrim(k, minMs),
  })),
  key.map((k) => ({ words: words("XLEN", k), run: (db: EmbeddedDatabase) => db.xlen(k) })),
  fc.tuple(key, streamBound, streamBound, streamCount).map(([k, start, end, count]) => ({
    words: words("XRANGE", k, start, end, ...(count === undefined ? [] : ["COUNT", count])),
    run: (db: EmbeddedDatabase) => pairs(db.xrange(k, start, end, count)),
  })),
  fc.tuple(key, streamBound, streamBound, streamCount).map(([k, end, start, count]) => ({
    words: words("XREVRANGE", k, end, start, ...(count === undefined ? [] : ["COUNT", count])),
    run: (db: EmbeddedDatabase) => pairs(db.xrevrange(k, end, start, count)),
  })),
);

/** Redis leaves the order by member open when scores differ: keys of their own, with one score. */
const lexKey = fc.constantFrom("lex1", "lex2");
const lexCommands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(lexKey, member).map(([k, m]) => ({
      words: words("ZADD", k, 0, m),
      run: (db: EmbeddedDatabase) => db.zadd(k, 0, m),
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(lexKey, member).map(([k, m]) => ({
      words: words("ZREM", k, m),
      run: (db: EmbeddedDatabase) => db.zrem(k, m),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(lexKey, lexBound, lexBound, limit).map(([k, min, max, given]) => ({
      words: words("ZRANGEBYLEX", k, min, max, ...limitWords(given)),
      run: (db: EmbeddedDatabase) => db.zrangebylex(k, min, max, ...(given ?? [])),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(lexKey, lexBound, lexBound, limit).map(([k, max, min, given]) => ({
      words: words("ZREVRANGEBYLEX", k, max, min, ...limitWords(given)),
      run: (db: EmbeddedDatabase) => db.zrevrangebylex(k, max, min, ...(given ?? [])),
    })),
  },
);

/** Replies of either side in one form: bytes as Latin-1 text, truth as 1 and 0. */
function plain(reply: unknown, unordered = false): unknown {
  if (typeof reply === "boolean") return Number(reply);
  if (typeof reply === "string") return Buffer.from(reply).toString("latin1");
  if (Buffer.isBuffer(reply)) return reply.toString("latin1");
  if (!Array.isArray(reply)) return reply;
  const items = reply.map((item) => plain(item));
  return unordered ? items.sort() : items;
}

/** As `plain`. Bulk strings are buffers; text is an integer, which the client would round beyond 2^53 by itself. */
function plainRedis(reply: unknown, unordered = false): unknown {
  return typeof reply === "string" ? Number(reply) : plain(reply, unordered);
}

function attempt(command: Command, database: EmbeddedDatabase): unknown {
  try {
    return plain(command.run(database), command.unordered);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

describe("memory database", () => {
  let server: RedisServer;
  let redis: Redis;
  beforeAll(async () => {
    // A server of our own: the test empties it.
    server = await startRedis({ control: true });
    redis = await server.client({ protocol: 2, stringNumbers: true });
  });
  afterAll(() => server?.stop());

  async function repliesOfRedis(history: readonly Command[]): Promise<unknown[]> {
    const pipeline = redis.pipeline();
    for (const {
      words: [name, ...rest],
    } of history)
      pipeline.callBuffer(name as string, ...rest);
    const replies = (await pipeline.exec())!;
    return replies.map(([error, reply], i) =>
      error === null
        ? plainRedis(reply, history[i]!.unordered)
        : // Inside EVAL the message is followed by where it happened.
          { error: error.message.replace(/ script: .*$/, "") },
    );
  }

  /** Everything there is, read with one command a type. */
  async function stateOfRedis(): Promise<Map<string, unknown>> {
    const state = new Map<string, unknown>();
    for (const name of await redis.keys("*")) {
      const type = await redis.type(name);
      const [[, expiresAt], [, content]] = (await redis
        .pipeline()
        .call("PEXPIRETIME", name)
        .callBuffer(...readers[type]!(name))
        .exec())! as [[unknown, unknown], [unknown, unknown]];
      state.set(name, {
        type,
        expiresAt: Number(expiresAt),
        content: plain(content, type === "set" || type === "hash"),
      });
    }
    return state;
  }

  const readers: Record<string, (name: string) => [string, ...string[]]> = {
    string: (name) => ["GET", name],
    set: (name) => ["SMEMBERS", name],
    zset: (name) => ["ZRANGE", name, "0", "-1", "WITHSCORES"],
    hash: (name) => ["HGETALL", name],
    stream: (name) => ["XRANGE", name, "-", "+"],
  };

  function stateOfMemory(db: EmbeddedDatabase): Map<string, unknown> {
    const state = new Map<string, unknown>();
    for (const name of [...db.keysWithPrefix("", 100)].flat()) {
      const remaining = db.pttl(name);
      const expiresAt = remaining < 0 ? remaining : Math.floor(db.nowMs()) + remaining;
      const read: Record<string, () => unknown> = {
        string: () => db.get(name),
        set: () => db.smembers(name),
        zset: () =>
          db
            .zrangebyscore(name, -Infinity, Infinity)
            .flatMap((m) => [m, text(db.zscore(name, m)!).replace("+", "")]),
        hash: () => [...db.hgetall(name)].flat(),
        stream: () => pairs(db.xrange(name, "-", "+")),
      };
      for (const [type, content] of Object.entries(read)) {
        try {
          state.set(name, { type, expiresAt, content: plain(content(), type === "set" || type === "hash") });
        } catch {
          // WRONGTYPE: it has another.
        }
      }
    }
    return state;
  }

  it("gives the replies and leaves the state of Redis on random histories", async () => {
    let total = 0;
    const history = fc.oneof(
      fc.array(commands, { minLength: 1, maxLength: LONGEST_HISTORY, size: "max" }),
      fc.array(lexCommands, { minLength: 1, maxLength: LONGEST_HISTORY, size: "max" }),
    );
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        await redis.flushall();
        let nowMs = Date.now();
        const db = createMemoryDatabase({
          clock: systemClock,
          now: () => nowMs,
          random: Math.random,
          onPublish: () => 0,
        });
        const replies = await repliesOfRedis(steps);
        steps.forEach((command, i) => {
          // `COUNT 0` on a stream is a null reply in Redis, and just empty here.
          const reply = /^X(REV)?RANGE$/.test(String(command.words[0])) ? (replies[i] ?? []) : replies[i];
          // The id that Redis gave tells the time that its clock had.
          if (command.words[0] === "XADD" && typeof reply === "string") nowMs = Number.parseInt(reply, 10);
          expect([command.words, attempt(command, db)]).toEqual([command.words, reply]);
        });
        expect(stateOfMemory(db)).toEqual(await stateOfRedis());
        total += steps.length;
      }),
      { seed: SEED, numRuns: HISTORIES },
    );
    expect(total).toBeGreaterThan(20_000);
  });
});
