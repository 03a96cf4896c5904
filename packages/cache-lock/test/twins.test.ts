import type { AtomicArgument, AtomicOperation } from "@crm/cache-core";
import { type RedisServer, seededRandom, startRedis } from "@crm/testkit";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { acquireLock } from "../src/scripts/acquire-lock.ts";
import { fencedRead } from "../src/scripts/fenced-read.ts";
import { fencedWrite } from "../src/scripts/fenced-write.ts";
import { forceReleaseLock } from "../src/scripts/force-release.ts";
import { inspectLock } from "../src/scripts/inspect-lock.ts";
import { releaseLock } from "../src/scripts/release-lock.ts";
import { renewLock } from "../src/scripts/renew-lock.ts";
import { watchLock } from "../src/scripts/watch-lock.ts";
import { memorySide, redisSide } from "./support/twins.ts";

/** Histories of 60 operations each. The full run is `TWIN_HISTORIES=2000`: 120,000 operations. */
const HISTORIES = Number(process.env.TWIN_HISTORIES ?? 150);
const OPERATIONS = 60;
const SEED = process.env.TWIN_SEED ?? "2026-11-25";
const DAY_MS = 86_400_000;

const HOLDERS = "n:1kh:m:a";
const STATE = "n:1ks:m:a";
const QUEUE = "n:1kq:m:a";
const VALUE = "n:1kf:v";
const PROCESSES = ["p1", "p2", "dead1", "dead2", "p3"];
const SHAPES = ["1.1", "1.3", "2.3", "3.3", "1.1000000000", "1000000000.1000000000"];
const ALL = [
  ...[acquireLock, renewLock, releaseLock, watchLock],
  ...[forceReleaseLock, inspectLock, fencedWrite, fencedRead],
];

describe("the Lua and the TypeScript of an atomic operation", () => {
  let redis: RedisServer;
  let client: Redis;
  const ran = new Map<string, number>();

  beforeAll(async () => {
    redis = await startRedis({ control: true });
    client = await redis.client();
  });
  afterAll(() => redis.stop());

  it(`reply the same and leave the same behind, in ${HISTORIES} random histories`, async () => {
    for (let history = 0; history < HISTORIES; history++) await run(`${SEED}/${history}`);
    for (const { name } of ALL) expect(ran.get(name) ?? 0, name).toBeGreaterThan(0);
  }, 3_600_000);

  async function run(seed: string): Promise<void> {
    const random = seededRandom(seed);
    const log: string[] = [];
    let nowMs = Date.now() + DAY_MS;
    const channels = ["", ...PROCESSES]
      .filter((each) => !each.startsWith("dead"))
      .map((each) => `n:1k:${each}`);
    const sides = [await redisSide(client), await memorySide(nowMs, channels)] as const;
    const keys = [HOLDERS, STATE, QUEUE];
    /** One lock has one shape mostly; sometimes they mix. */
    const shapes = random.chance(0.7) ? [random.pick(SHAPES)] : SHAPES;
    const tokens = Array.from(
      { length: 12 },
      (_, i) => `${random.pick(PROCESSES)}.${i}.${random.pick(shapes)}.${(i + 1) * 100}`,
    );
    const tickets = new Map<string, number>();
    const exact = random.chance(0.7) ? "1" : "0";

    async function both(operation: AtomicOperation, args: AtomicArgument[], names = keys): Promise<unknown> {
      ran.set(operation.name, (ran.get(operation.name) ?? 0) + 1);
      log.push(`${operation.name} ${JSON.stringify(args)}`);
      const [inRedis, inMemory] = await Promise.all(sides.map((side) => side.run(operation, names, args)));
      expect(inMemory, `seed ${seed}\n${log.join("\n")}`).toEqual(inRedis);
      return inRedis?.reply;
    }

    async function setTime(): Promise<void> {
      for (const side of sides) await side.setTime(nowMs);
      log.push(`at ${nowMs}`);
    }

    async function step(): Promise<void> {
      // A whole ms at least: within one the memory store counts microseconds of its own.
      nowMs += random.pick([1, 1, 2, 15, 31, 100, 201, 1_000]);
      if (random.chance(0.05)) nowMs += random.int(1, 120) * 1_000;
      await setTime();
      if (random.chance(0.06)) await disturb();
      const token = random.pick(tokens);
      const process = random.chance(0.8) ? (token.split(".")[0] as string) : random.pick(PROCESSES);
      const head = [process, "n:1k:", exact, "own|er š"];
      switch (random.int(0, 12)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4: {
          const ticket = random.chance(0.7) ? (tickets.get(token) ?? 0) : 0;
          const own = [token, random.int(1, 40) * 50, ticket, random.pick(["q", "q", "t"])];
          const [held, value] = (await both(acquireLock, [...head, ...own])) as [number, number];
          if (held === 0 && value > 0) tickets.set(token, value);
          return;
        }
        case 5:
          await both(renewLock, [...head, token, random.int(1, 40) * 50]);
          return;
        case 6:
        case 7:
        case 8:
          await both(releaseLock, [...head, token]);
          tickets.delete(token);
          return;
        case 9:
          await both(watchLock, head);
          return;
        case 10:
          await both(inspectLock, head);
          return;
        case 11: {
          if (random.chance(0.3)) await both(forceReleaseLock, head);
          return;
        }
        default: {
          const write = [String(random.int(1, 9)), random.int(1, 9) * 100, random.pick(["0", "1"]), "v š"];
          await both(fencedWrite, write, [VALUE]);
          nowMs++;
          await setTime();
          await both(fencedRead, [], [VALUE]);
        }
      }
    }

    /** What Redis, or somebody else, may do at any time. */
    async function disturb(): Promise<void> {
      const key = random.pick([...keys, VALUE]);
      log.push(`disturb ${key}`);
      for (const side of sides) {
        if (key === STATE && log.length % 3 === 0) await side.hset(key, "m", "garbage");
        else if (key === QUEUE && log.length % 3 === 0) await side.zadd(key, 5, "foreign");
        else await side.evict(key);
      }
      nowMs++;
      await setTime();
    }

    for (let n = 0; n < OPERATIONS; n++) {
      await step();
      if (n % 3 !== 2) continue;
      const [inRedis, inMemory] = await Promise.all(
        sides.map((side) => side.state([HOLDERS, QUEUE], [STATE, VALUE])),
      );
      expect(inMemory, `seed ${seed}\n${log.join("\n")}`).toEqual(inRedis);
      for (const [key, found] of Object.entries(inRedis as Record<string, [number, object]>)) {
        expect(found[0], `${key} has no expiry\n${log.join("\n")}`).not.toBe(-1);
      }
    }
  }
});
