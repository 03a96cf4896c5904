import { type RedisServer, type SeededRandom, seededRandom, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AtomicArgument, AtomicOperation } from "../src/atomic-operation.ts";
import { packEntry } from "../src/entry.ts";
import { appendBus } from "../src/scripts/append-bus.ts";
import { countEntries } from "../src/scripts/count-entries.ts";
import { createSession } from "../src/scripts/create-session.ts";
import { destroySessions } from "../src/scripts/destroy-sessions.ts";
import { entryArguments } from "../src/scripts/entry-arguments.ts";
import { entryTimes } from "../src/scripts/entry-times.ts";
import { fillEntries } from "../src/scripts/fill-entries.ts";
import { findLease } from "../src/scripts/find-lease.ts";
import { giveBackLeases } from "../src/scripts/give-back-leases.ts";
import { indexState } from "../src/scripts/index-state.ts";
import { invalidateKeys } from "../src/scripts/invalidate-keys.ts";
import { invalidateRange } from "../src/scripts/invalidate-range.ts";
import { invalidateTag } from "../src/scripts/invalidate-tag.ts";
import { listEntries } from "../src/scripts/list-entries.ts";
import { listSessions } from "../src/scripts/list-sessions.ts";
import { pruneIndex } from "../src/scripts/prune-index.ts";
import { putEntries } from "../src/scripts/put-entries.ts";
import { reindex } from "../src/scripts/reindex.ts";
import { releaseLease } from "../src/scripts/release-lease.ts";
import { renewLease } from "../src/scripts/renew-lease.ts";
import { takeLeases } from "../src/scripts/take-leases.ts";
import { touchSession } from "../src/scripts/touch-session.ts";
import { verifyIndex } from "../src/scripts/verify-index.ts";
import { memorySide, redisSide, type Side } from "./support/twins.ts";

/** Histories of 50 operations each. The full run is `TWIN_HISTORIES=2000`: 100,000 operations. */
const HISTORIES = Number(process.env.TWIN_HISTORIES ?? 300);
const OPERATIONS = 50;
const SEED = process.env.TWIN_SEED ?? "2026-11-23";
const DAY_MS = 86_400_000;

const KEYS = [
  "a",
  "b",
  "ab",
  "a:b",
  "x*",
  "š",
  "😀",
  "\u001fs\u001fa",
  "\u001fs\u001fb",
  "\u001fs\u001et\u001fa",
];
const TAGS = ["t", "u", "tt", "š*", "\u001fs\u001ft"];
const TOKENS = ["k1", "k2", "k3", "k4"];
const WAITERS = ["", "w1", "w2"];
const USERS = ["u1", "u|2", "š"];
const IDS = ["0.a", "0.b", "0.c", "0.d"];
const GLOBS = ["", "*", "a*", "?", "*b", "[ab]*", "x\\*", "š", "[^a]*", "*:*"];
const PREFIXES = ["", "a", "a:", "š", "\u001fs\u001f", "\u001fs\u001e", "zz"];

describe("the Lua and the TypeScript of an atomic operation", () => {
  let redis: RedisServer;
  let sides: [Side, Side];
  const ran = new Map<string, number>();

  beforeAll(async () => {
    redis = await startRedis({ control: true });
    sides = [redisSide(await redis.client()), memorySide()];
  });
  afterAll(() => redis.stop());

  it(`reply the same and leave the same behind, in ${HISTORIES} random histories`, async () => {
    for (let history = 0; history < HISTORIES; history++) await run(`${SEED}/${history}`);
    for (const { name } of ALL) expect(ran.get(name) ?? 0, name).toBeGreaterThan(0);
  }, 3_600_000);

  async function run(seed: string): Promise<void> {
    const random = seededRandom(seed);
    const log: string[] = [];
    const bus = random.chance(0.7);
    const hashTag = bus ? "" : "{x}";
    const base = "n:1";
    const index = `${base}i${hashTag}`;
    const names = bus ? [index, `${base}b`] : [index];
    const held = new Map<string, string>();
    let micros = (Date.now() + DAY_MS) * 1000;
    const now = (): number => Math.floor(micros / 1000);
    const until = (): AtomicArgument => random.pick(["", "", now() - 1, now(), now() + 1]);
    await Promise.all(sides.map((side) => side.clear()));
    await Promise.all(sides.map((side) => side.setTime(micros)));

    async function both(operation: AtomicOperation, args: AtomicArgument[], keys = names): Promise<unknown> {
      ran.set(operation.name, (ran.get(operation.name) ?? 0) + 1);
      const full = [base, hashTag, ...args];
      log.push(
        `${operation.name} ${JSON.stringify(full.map((arg) => (Buffer.isBuffer(arg) ? arg.toString("latin1") : arg)))}`,
      );
      const [inRedis, inMemory] = await Promise.all(sides.map((side) => side.run(operation, keys, full)));
      expect(inMemory, `seed ${seed}\n${log.join("\n")}`).toEqual(inRedis);
      return inRedis?.reply;
    }

    async function paged(
      operation: AtomicOperation,
      args: (cursor: string) => AtomicArgument[],
      start: string,
    ) {
      let at = start;
      for (let page = 0; page < 50; page++) {
        const next = ((await both(operation, args(at))) as [number, string])[1];
        if (next === "") return;
        at = Buffer.from(next, "latin1").toString("utf8");
      }
      throw new Error("A cursor that does not end");
    }

    async function step(): Promise<void> {
      micros += random.pick([0, 1, 700, 2_000, 1_000_000]);
      if (random.chance(0.04)) micros += random.int(1, 400) * 1_000_000;
      if (random.chance(0.03)) micros -= random.int(1, 5_000_000);
      await Promise.all(sides.map((side) => side.setTime(micros)));
      if (random.chance(0.06)) await disturb();
      const soft = random.pick([0, 0, 1, 2]);
      const message = random.chance(0.7) ? `m${random.int(0, 99)}` : "";
      const tell = [
        soft,
        message,
        random.int(1, 9) * 10_000,
        random.pick([1, 3, 5, "2:864000000", "4:864000000"]),
      ];
      const key = random.pick(KEYS);
      const token = random.chance(0.8) ? (held.get(key) ?? random.pick(TOKENS)) : random.pick(TOKENS);
      switch (random.int(0, 21)) {
        case 0:
        case 1:
        case 2:
        case 3: {
          // Now and then so many that dead leases and old marks are swept out.
          const wanted = random.chance(0.05)
            ? Array.from({ length: random.int(20, 60) }, () => `many:${random.int(0, 99)}`)
            : Array.from({ length: random.int(1, 3) }, () => random.pick(KEYS));
          const args: AtomicArgument[] = [random.int(1, 30) * 100];
          for (const each of wanted) {
            const own = random.pick(TOKENS);
            if (!held.has(each)) held.set(each, own);
            args.push(each, own, random.pick(WAITERS), random.pick([-1, -2, now(), now() - 500, 9e15]));
          }
          await both(takeLeases, args);
          return;
        }
        case 4:
        case 5:
        case 6:
        case 7: {
          const args: AtomicArgument[] = [random.pick([300_000, 300_000, 1])];
          for (const each of random.chance(0.3) ? [key, random.pick(KEYS)] : [key]) {
            args.push(each, each === key ? token : (held.get(each) ?? "k1"), ...entry(random));
            held.delete(each);
          }
          await both(fillEntries, args);
          return;
        }
        case 8: {
          held.delete(key);
          if (random.chance(0.7)) {
            await both(releaseLease, [key, token, random.pick(["n", "u", "e"]), ...tags(random)]);
          } else {
            const others = TOKENS.filter((other) => other !== token && random.chance(0.5));
            await both(giveBackLeases, [
              key,
              token,
              ...others.flatMap((other) => [random.pick(KEYS), other]),
            ]);
          }
          return;
        }
        case 9:
          if (random.chance(0.2))
            await both(listEntries, ["range", random.pick(PREFIXES), "", random.int(1, 4)]);
          else if (random.chance(0.3)) await both(findLease, [key]);
          else if (random.chance(0.31)) await both(entryTimes, [key, random.pick(KEYS)]);
          else await both(renewLease, [key, token, random.int(1, 30) * 100]);
          return;
        case 10:
        case 11:
        case 12: {
          const args: AtomicArgument[] = [message, random.int(1, 9) * 10_000, random.int(1, 5), until()];
          for (let n = random.int(1, 3); n > 0; n--) args.push(random.pick(KEYS), ...entry(random));
          await both(putEntries, args);
          return;
        }
        case 13: {
          const wanted = Array.from({ length: random.int(1, 3) }, () => random.pick(KEYS));
          await both(invalidateKeys, [...tell, ...wanted]);
          return;
        }
        case 14:
        case 15: {
          const page = random.pick([1, 2, 1_000]);
          const tag = random.pick(TAGS);
          await paged(invalidateTag, (at) => [...tell, tag, at, page], "0");
          return;
        }
        case 16: {
          const prefix = random.pick(PREFIXES);
          const skip = prefix.startsWith("\u001f") ? Buffer.byteLength(prefix) : 0;
          const range = [prefix, skip, random.pick(GLOBS)];
          const [page, scopes] = [random.pick([1, 2, 1_000]), prefix === "" ? random.int(0, 1) : 1];
          await paged(invalidateRange, (at) => [...tell, ...range, at, page, scopes], "");
          return;
        }
        case 17: {
          const [prefix, page] = [random.pick(PREFIXES), random.pick([1, 3, 1_000])];
          await paged(countEntries, (at) => [prefix, at, page, prefix === "" ? 0 : 1], "");
          return;
        }
        case 18: {
          const looks = random
            .shuffle(TAGS)
            .slice(0, random.int(0, 3))
            .flatMap((tag) => [tag, random.int(1, 9)]);
          await both(pruneIndex, [random.pick([1, 3, 24]), ...looks]);
          return;
        }
        case 19: {
          const marks = (await both(indexState, [60_000])) as string[];
          if (random.chance(0.5)) await both(reindex, random.shuffle(KEYS).slice(0, random.int(1, 6)));
          if (random.chance(0.5)) await both(verifyIndex, [60_000, ...marks]);
          return;
        }
        case 20: {
          const stream = [`${base}b`, `${base}b`];
          ran.set(appendBus.name, (ran.get(appendBus.name) ?? 0) + 1);
          const limit = random.chance(0.5) ? random.int(1, 5) : `${random.int(1, 5)}:864000000`;
          const args = ["", "", `m${random.int(0, 9)}`, 60_000, limit];
          const replies = await Promise.all(sides.map((side) => side.run(appendBus, stream, args)));
          expect(replies[1]).toEqual(replies[0]);
          return;
        }
        default:
          return sessions();
      }
    }

    async function sessions(): Promise<void> {
      const keys = [`${base}s${hashTag}`];
      const [id, user] = [random.pick(IDS), random.pick(USERS)];
      const byUser = random.chance(0.5);
      switch (random.int(0, 4)) {
        case 0:
        case 1:
          await both(
            createSession,
            [id, user, random.int(1, 50) * 1_000, random.int(0, 1), bytes(random), until()],
            keys,
          );
          return;
        case 2:
          await both(touchSession, [id], keys);
          return;
        case 3:
          await both(listSessions, byUser ? [user] : ["", id], keys);
          return;
        default:
          await both(destroySessions, byUser ? [user] : ["", id], keys);
      }
    }

    /** What Redis, or somebody else, may do at any time. */
    async function disturb(): Promise<void> {
      const key = random.pick(KEYS);
      const entryName = `${base}e${hashTag}:${key}`;
      const all = [
        index,
        `${base}r${hashTag}`,
        entryName,
        `${base}l${hashTag}`,
        `${base}t${hashTag}:${random.pick(TAGS)}`,
        `${base}b`,
        `${base}s${hashTag}:${random.pick(IDS)}`,
        `${base}u${hashTag}:${random.pick(USERS)}`,
      ];
      const until = now() + random.int(1, 60_000);
      const name = random.pick(all);
      switch (random.int(0, 4)) {
        case 0:
        case 1:
          log.push(`evict ${name}`);
          await Promise.all(sides.map((side) => side.evict(name)));
          return;
        case 2: {
          const damaged = random.chance(0.5)
            ? Buffer.concat([Buffer.from([0xc1]), bytes(random), Buffer.alloc(random.int(0, 40), 2)])
            : bytes(random);
          log.push(`overwrite ${entryName} ${damaged.toString("hex")}`);
          await Promise.all(sides.map((side) => side.overwrite(entryName, damaged, until)));
          return;
        }
        case 3:
          log.push(`foreign ${entryName}`);
          await Promise.all(sides.map((side) => side.makeForeign(entryName, until)));
          return;
        default: {
          const session = `${base}s${hashTag}:${random.pick(IDS)}`;
          log.push(`foreign ${session}`);
          const other = bytes(random);
          if (random.chance(0.5)) await Promise.all(sides.map((side) => side.makeForeign(session, until)));
          else await Promise.all(sides.map((side) => side.overwrite(session, other, until)));
        }
      }
    }

    for (let n = 0; n < OPERATIONS; n++) {
      await step();
      if (n % 5 !== 4) continue;
      const [inRedis, inMemory] = await Promise.all(sides.map((side) => side.state()));
      expect(sorted(inMemory), `seed ${seed}\n${log.join("\n")}`).toEqual(sorted(inRedis));
    }
  }
});

const ALL = [
  ...[
    appendBus,
    countEntries,
    createSession,
    destroySessions,
    entryTimes,
    fillEntries,
    findLease,
    indexState,
  ],
  ...[invalidateKeys],
  ...[
    invalidateRange,
    invalidateTag,
    listEntries,
    listSessions,
    pruneIndex,
    putEntries,
    reindex,
    releaseLease,
    giveBackLeases,
    renewLease,
  ],
  ...[takeLeases, touchSession, verifyIndex],
];

function sorted(state: ReadonlyMap<string, unknown> | undefined): unknown[] {
  return [...(state ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
}

function tags(random: SeededRandom): string[] {
  return random.shuffle(TAGS).slice(0, random.pick([0, 0, 1, 2, 3]));
}

function bytes(random: SeededRandom): Buffer {
  return Buffer.from(Array.from({ length: random.int(0, 12) }, () => random.int(0, 255)));
}

/** The arguments of an entry. */
function entry(random: SeededRandom): AtomicArgument[] {
  const own = tags(random);
  const freshMs = random.int(1, 60) * 500;
  const payload = random.chance(0.5)
    ? bytes(random)
    : random.pick(["{}", "š", "", "š".repeat(random.int(100, 200))]);
  const content = {
    codecId: 0,
    hint: random.int(0, 3),
    compressed: random.chance(0.2),
    costMs: random.int(0, 9),
    tags: own,
  };
  const parts = packEntry({ ...content, payload });
  return entryArguments({ freshMs, totalMs: freshMs + random.pick([0, 0, 30_000]), parts, tags: own });
}
