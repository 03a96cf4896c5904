// The Lua and the TypeScript of each operation: the same replies and the same state, on random histories.

import type { AtomicArgument, AtomicOperation } from "@crm/cache-core";
import { type RedisServer, seededRandom, startRedis } from "@crm/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { holdTasks } from "../src/scripts/hold-tasks.ts";
import { stepTasks } from "../src/scripts/step-tasks.ts";
import { Twins } from "./support/twins.ts";

/** Histories of 40 operations each. The full run is `TWIN_HISTORIES=2500`: 100,000 operations. */
const HISTORIES = Number(process.env.TWIN_HISTORIES ?? 150);
const OPERATIONS = 40;
const SEED = process.env.TWIN_SEED ?? "2026-11-25";
const DAY_MS = 86_400_000;
const TASKS = ["a", "b", "c", "š|*", "\u001fs\u001fa"];
const TOKENS = ["t1", "t2", "t3"];

describe("the Lua and the TypeScript of an atomic operation", () => {
  let redis: RedisServer;
  let twins: Twins;

  beforeAll(async () => {
    redis = await startRedis({ control: true });
    twins = new Twins(await redis.client(), ["n:1p:held", "n:1p:done", "n:1p:here"]);
  });
  afterAll(() => redis.stop());

  it(`reply the same and leave the same behind, in ${HISTORIES} random histories`, async () => {
    const ran = new Map<string, number>();
    const kinds = new Set<number>();
    for (let history = 0; history < HISTORIES; history++) {
      const random = seededRandom(`${SEED}/${history}`);
      const log: string[] = [];
      await twins.begin(Date.now() + DAY_MS);
      for (let n = 0; n < OPERATIONS; n++) {
        await twins.setTime(twins.now + random.pick([0, 1, 40, 400, 2_000, 61_000]));
        const token = random.pick(TOKENS);
        const leaseMs = random.pick([500, 1_500]);
        const hold = random.chance(0.25);
        const operation: AtomicOperation = hold ? holdTasks : stepTasks;
        const args: AtomicArgument[] = [token, leaseMs];
        if (hold) {
          for (let i = random.int(1, 3); i > 0; i--) args.push(random.pick(TASKS), random.int(0, 1));
        } else {
          const ended = random.int(0, 2);
          args.push(
            random.pick([60_000, 600_000]),
            random.int(1, 4),
            random.int(0, 3),
            random.int(0, 1),
            ended,
          );
          for (let i = 0; i < ended; i++) args.push(random.pick(TASKS), random.int(0, 4));
          for (const task of random.shuffle(TASKS).slice(0, random.int(0, 5))) {
            args.push(task, random.pick([0, 1_000, 300_000]), random.pick([-1, twins.now - 500]));
          }
        }
        if (!hold && random.chance(0.05)) {
          const key = random.pick(["n:1p:held", "n:1p:done", "n:1p:here"]);
          log.push(`${key} becomes a string`);
          await twins.spoil(key);
        }
        if (!hold && random.chance(0.05)) {
          const lease = random.pick([
            "",
            "x",
            "t1|5",
            `t2|${twins.now + DAY_MS}|1|1`,
            `t3|${twins.now + 900}|2|x`,
          ]);
          log.push(`a lease becomes ${lease}`);
          await twins.write("n:1p:held", random.pick(TASKS), lease);
        }
        log.push(`${twins.now} ${operation.name} ${JSON.stringify(args)}`);
        const [inRedis, inMemory] = await twins.run(operation, args);
        expect(inMemory, `seed ${SEED}/${history}\n${log.join("\n")}`).toEqual(inRedis);
        ran.set(operation.name, (ran.get(operation.name) ?? 0) + 1);
        if (hold) continue;
        const { reply } = inRedis as { reply: [number, number, number, ...number[][]] };
        for (const state of reply.slice(3)) kinds.add((state as number[])[0] as number);
      }
    }
    expect([...ran.keys()].sort()).toEqual(["holdTasks", "stepTasks"]);
    // Every kind of answer was met.
    expect([...kinds].sort()).toEqual([0, 1, 2, 3]);
  }, 3_600_000);
});
