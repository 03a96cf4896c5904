// The Lua and the TypeScript of each operation: the same replies and the same bytes and expiries, on random histories.

import type { AtomicArgument, AtomicOperation } from "@crm/cache-core";
import { type RedisServer, type SeededRandom, seededRandom, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compileRule } from "../src/internal/compile-rule.ts";
import type { CheckedRule } from "../src/internal/resolve-rules.ts";
import type { Algorithm } from "../src/rules.ts";
import { adjustLimits } from "../src/scripts/adjust-limits.ts";
import { cancelPlace } from "../src/scripts/cancel-place.ts";
import { checkBucketCalls } from "../src/scripts/check-bucket-calls.ts";
import { checkLimits } from "../src/scripts/check-limits.ts";
import { checkRecordCalls } from "../src/scripts/check-record-calls.ts";
import { checkWindow } from "../src/scripts/check-window.ts";
import { checkWindowCalls } from "../src/scripts/check-window-calls.ts";
import { countHit, countHits, lookAtHits } from "../src/scripts/count-hits.ts";
import type { WireRule } from "../src/scripts/plan.ts";
import { reservePlace } from "../src/scripts/reserve-place.ts";
import { writeSpec } from "../src/scripts/state/record-image.ts";
import { Twins } from "./support/twins.ts";

/** Histories of 60 operations each. The full run is `TWIN_HISTORIES=2000`: 120,000 operations. */
const HISTORIES = Number(process.env.TWIN_HISTORIES ?? 200);
const OPERATIONS = 60;
const SEED = process.env.TWIN_SEED ?? "2026-11-25";
const DAY_MS = 86_400_000;
const PREFIX = "n:1q:";
const ALGORITHMS: readonly Algorithm[] = [
  "fixed-window",
  "sliding-log",
  "sliding-counter",
  "token-bucket",
  "gcra",
];
const RECORD = "l";
const COUNTS = ["17", "0", "-3", "-1", "007", "1.5", "", " 1", "x", "900719925474099"];
const SUBJECTS = ["u", "š*", "\u001ft\u001fu"];

describe("the Lua and the TypeScript of an atomic operation", () => {
  let redis: RedisServer;
  let twins: Twins;
  const ran = new Map<string, number>();

  beforeAll(async () => {
    redis = await startRedis({ control: true });
    twins = new Twins(await redis.client());
  });
  afterAll(() => redis.stop());

  it(`reply the same and leave the same behind, in ${HISTORIES} random histories`, async () => {
    for (let history = 0; history < HISTORIES; history++) await run(`${SEED}/${history}`);
    for (const { name } of [
      checkLimits,
      checkBucketCalls,
      checkWindow,
      checkWindowCalls,
      checkRecordCalls,
      countHit,
      countHits,
      lookAtHits,
      adjustLimits,
      reservePlace,
      cancelPlace,
    ]) {
      expect(ran.get(name) ?? 0, name).toBeGreaterThan(HISTORIES / 2);
    }
  }, 3_600_000);

  async function run(seed: string): Promise<void> {
    const random = seededRandom(seed);
    const log: string[] = [];
    const plans = Array.from({ length: random.int(1, 2) }, () => planOf(random));
    const ids: string[] = [];
    await twins.begin(Date.now() + DAY_MS);

    async function both(
      operation: AtomicOperation,
      args: AtomicArgument[],
      keys: readonly string[] = [PREFIX],
    ): Promise<unknown> {
      ran.set(operation.name, (ran.get(operation.name) ?? 0) + 1);
      log.push(`${twins.now} ${operation.name} ${JSON.stringify(keys)} ${JSON.stringify(args)}`);
      const { redis: inRedis, memory } = await twins.run(operation, keys, args);
      expect(memory, `seed ${seed}\n${log.join("\n")}`).toEqual(inRedis);
      return inRedis.reply;
    }

    for (let n = 0; n < OPERATIONS; n++) {
      await twins.setTime(twins.now + step(random));
      const plan = random.pick(plans);
      const subjects = Array.from({ length: plan.subjects }, () => random.pick(SUBJECTS));
      const cost = random.chance(0.7) ? 1 : random.int(1, plan.most);
      const keyOf = ({ part, subject }: RandomPlan["windows"][number]): string =>
        `${PREFIX}${part}:${subjects[subject - 1]}`;
      const queue = `l!${plan.subjects === 1 ? subjects[0] : ""}`;
      if (random.chance(0.2)) await count(random);
      if (random.chance(0.05)) await disturb(random, plan, subjects[0] as string);
      switch (random.int(0, 9)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4: {
          const window =
            plan.windows.length > 0 && random.chance(0.4) ? random.pick(plan.windows) : undefined;
          if (window !== undefined) {
            // As `CheckBatch` asks a window by itself, and a limit that varies from call to call.
            const limit = random.pick([window.limit, window.limit, 1, 5]);
            const key = keyOf(window);
            await both(checkWindow, [random.pick([1, cost]), limit, window.windowMs], [key]);
            break;
          }
          if (plan.inRecord.length > 0 && random.chance(0.8)) {
            await both(checkRecordCalls, ...recordCallsOf(plan.inRecord, cost));
            break;
          }
          const limitOf = (limit: number): number => random.pick([limit, limit, limit, 5]);
          if (plan.windows.length > 0 && random.chance(0.6)) {
            const specOf = ({ limit, windowMs }: RandomPlan["windows"][number]) =>
              `${limitOf(limit)}:${windowMs}`;
            await both(checkWindowCalls, ...callsOf(plan.windows, specOf, cost));
            break;
          }
          if (plan.buckets.length > 0 && random.chance(0.5)) {
            const specOf = ({ limit, weight, drain }: RandomPlan["buckets"][number]) =>
              `${limitOf(limit)}:${random.chance(0.95) ? weight : 7}:${random.pick([drain, drain, 1])}`;
            await both(checkBucketCalls, ...callsOf(plan.buckets, specOf, cost));
            break;
          }
          const args: AtomicArgument[] = [];
          for (let calls = random.int(1, 4); calls > 0; calls--) {
            args.push(plan.source, random.pick([cost, cost, cost, -cost, 0]), ...subjects);
          }
          await both(checkLimits, args);
          break;
        }
        case 5: {
          const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
          const amount = what === "block" ? random.int(1, 3_000) : cost;
          await both(adjustLimits, [what, amount, random.pick(["", queue]), plan.source, ...subjects]);
          break;
        }
        case 6:
        case 7:
        case 8: {
          const id = `p.${n}`;
          ids.push(id);
          const most = random.pick([2, 5, 1_000]);
          await both(reservePlace, [
            queue,
            id,
            "n:1q@p",
            cost,
            random.pick([0, 2_000, 60_000]),
            most,
            plan.source,
            ...subjects,
          ]);
          break;
        }
        default:
          if (ids.length > 0) await both(cancelPlace, [queue, random.pick(ids)]);
      }
      if (n % 4 !== 3) continue;
      const { redis: inRedis, memory } = await twins.states();
      expect([...memory], `seed ${seed}\n${log.join("\n")}`).toEqual([...inRedis]);
    }

    /** Some calls as `CheckBatch` asks them together: they meet in the states of a subject. */
    function callsOf<Rule extends { readonly part: string }>(
      rules: readonly Rule[],
      specOf: (rule: Rule) => string,
      cost: number,
    ): [args: AtomicArgument[], keys: string[]] {
      const keys: string[] = [];
      const args: AtomicArgument[] = [];
      for (let calls = random.int(1, 4); calls > 0; calls--) {
        args.push(rules.map(specOf).join(","), random.pick([1, cost]));
        const subject = random.pick(SUBJECTS);
        for (const { part } of rules) {
          const key = `${PREFIX}${part}:${subject}`;
          if (!keys.includes(key)) keys.push(key);
          args.push(keys.indexOf(key) + 1);
        }
      }
      return [args, keys];
    }

    /** Hits of `checkRateLimit`, among them of counts that somebody else has changed. */
    async function count(random: SeededRandom): Promise<void> {
      const keys = Array.from({ length: random.int(1, 4) }, () => `${PREFIX}-:${random.pick(SUBJECTS)}`);
      const args = keys.flatMap(() => [random.int(1, 4), random.pick([1, 40, 1_000])]);
      if (random.chance(0.1)) {
        const bytes = random.pick([null, "foreign", Buffer.from(random.pick(COUNTS))] as const);
        const until = random.chance(0.5) ? null : twins.now + random.int(1, 60_000);
        log.push(`disturb ${keys[0]} ${bytes} ${until}`);
        await twins.disturb(keys[0] as string, bytes, until);
      }
      if (random.chance(0.2)) await both(lookAtHits, [], keys.slice(0, 1));
      else if (random.chance(0.4)) await both(countHit, args.slice(0, 2), keys.slice(0, 1));
      else await both(countHits, args, keys);
    }

    /** The same of rules whose states lie in a record. */
    function recordCallsOf(
      rules: RandomPlan["inRecord"],
      cost: number,
    ): [args: AtomicArgument[], keys: string[]] {
      const keys: string[] = [];
      const args: AtomicArgument[] = [];
      for (let calls = random.int(1, 4); calls > 0; calls--) {
        const asked = rules.map((rule): WireRule => {
          const [part, kind, limit, windowMs, weight, ...rest] = rule;
          const [most, weighs] = [random.pick([limit, limit, limit, 5]), random.chance(0.95) ? weight : 7];
          return [part, kind, most, windowMs, weighs, ...rest];
        });
        const key = `${PREFIX}${RECORD}:${random.pick(SUBJECTS)}`;
        if (!keys.includes(key)) keys.push(key);
        args.push(writeSpec(asked), random.pick([1, cost]), keys.indexOf(key) + 1);
      }
      return [args, keys];
    }

    async function disturb(random: SeededRandom, plan: RandomPlan, subject: string): Promise<void> {
      const key = `${PREFIX}${random.pick(plan.parts)}:${subject}`;
      const until = random.chance(0.5) ? null : twins.now + random.int(1, 60_000);
      const bytes = random.pick([null, "foreign", damaged(random), damaged(random)] as const);
      log.push(
        `disturb ${key} ${bytes === null || bytes === "foreign" ? bytes : bytes.toString("hex")} ${until}`,
      );
      await twins.disturb(key, bytes, until);
    }
  }
});

interface RandomPlan {
  readonly source: string;
  readonly subjects: number;
  readonly parts: readonly string[];
  /** Its fixed windows. */
  readonly windows: readonly {
    readonly part: string;
    readonly limit: number;
    readonly windowMs: number;
    readonly subject: number;
  }[];
  readonly buckets: readonly {
    readonly part: string;
    readonly limit: number;
    readonly weight: number;
    readonly drain: number;
  }[];
  /** Its windows and buckets, where all of them lie in one record. */
  readonly inRecord: readonly WireRule[];
  /** What fits under every rule. */
  readonly most: number;
}

function planOf(random: SeededRandom): RandomPlan {
  const subjects = random.pick([1, 1, 1, 2]);
  const onlyWindows = random.chance(0.25);
  const isShared = subjects === 1 && random.chance(0.6);
  const onlyQuick = isShared && random.chance(0.6);
  const rules = Array.from({ length: random.int(1, 4) }, (_, i) => {
    const algorithm = onlyWindows
      ? "fixed-window"
      : random.pick(onlyQuick ? (["fixed-window", "gcra"] as const) : ALGORITHMS);
    const limit = random.pick([1, 2, 3, 7, 100]);
    const rule: CheckedRule = {
      name: `r${i}`,
      part: `l/r${i}`,
      record: isShared && algorithm !== "sliding-log" ? RECORD : "",
      algorithm,
      limit,
      windowMs: random.pick([1, 10, 997, 1_000, 60_000, 34_560_000_000]),
      burst: algorithm === "gcra" && random.chance(0.5) ? random.int(1, 5) : null,
      maxHits: random.pick([1, 3, 1_000]),
      by: null,
      shadow: random.chance(0.15),
      whenUnavailable: "local",
      localShare: 0.1,
    };
    return compileRule(rule, limit, random.int(1, subjects));
  });
  return {
    source: JSON.stringify([subjects, ...rules]),
    subjects,
    parts: [...new Set(rules.map(([part, , , , , , , , record]) => record || part))],
    windows: rules.flatMap(([part, kind, limit, windowMs, , , , subject, record]) =>
      kind === "f" && record === "" ? [{ part, limit, windowMs, subject }] : [],
    ),
    buckets: rules.flatMap(([part, kind, limit, , weight, drain, , , record]) =>
      kind === "b" && record === "" ? [{ part, limit, weight, drain }] : [],
    ),
    inRecord: rules.every(([, kind, , , , , , , record]) => record !== "" && "fb".includes(kind))
      ? rules
      : [],
    most: Math.min(...rules.filter(([, , , , , , shadow]) => shadow === 0).map(([, , limit]) => limit), 100),
  };
}

/** Mostly within a window; now and then far, and back. */
function step(random: SeededRandom): number {
  if (random.chance(0.03)) return -random.int(1, 6_000);
  if (random.chance(0.05)) return random.int(1, 120) * 1_000;
  return random.pick([0, 0, 1, 3, 40, 500, 1_001]);
}

function damaged(random: SeededRandom): Buffer {
  const tag = random.pick([0x66, 0x62, 0x63, 0x6c, 0x42, 0x52, 0x00]);
  const size = random.pick([0, 1, 8, 16, 18, 24, 28, 32, 48]);
  const bytes = Buffer.from(Array.from({ length: size }, () => random.int(0, 255)));
  // Plausible numbers, too.
  if (size >= 8 && random.chance(0.7))
    bytes.writeDoubleBE(random.pick([0, 1, 50, Date.now() + 86_400_000, 2 ** 60, Number.NaN, 0.5]), 0);
  if (size >= 24 && random.chance(0.7)) {
    bytes.writeDoubleBE(Date.now() + 86_400_000 + random.int(-100, 5_000), 8);
    bytes.writeDoubleBE(random.pick([1, 1_000, 60_000, -1, 1e300]), 16);
  }
  const state = Buffer.concat([Buffer.from([tag]), bytes]);
  if (random.chance(0.5)) return state;
  // As one of a record, whole or not.
  const bytesSaid = random.pick([state.length, state.length, state.length + 1, 0]);
  const head = random.pick([
    `r0=${bytesSaid};`,
    `r0=${bytesSaid},r9=0;`,
    `r0=${bytesSaid},r0=0;`,
    `r7=${bytesSaid};`,
    ";",
    "r0=;",
    "=1;",
  ]);
  return Buffer.concat([Buffer.from(head), state]);
}
