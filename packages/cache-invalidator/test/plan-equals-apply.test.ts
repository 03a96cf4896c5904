// plan() and apply() take the same entries, in random caches under random rules; and events together what each of them
// takes alone. PLAN_CASES sets how many; the full run is
// 10,000.

import { createCache, memoryStore } from "@crm/cache-core";
import { type SeededRandom, seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import {
  createCacheInvalidator,
  type EntityRules,
  InvalidationEvent,
  type InvalidationPlan,
} from "../src/index.ts";

const CASES = Number(process.env.PLAN_CASES ?? 1_000);
const SEED = process.env.PLAN_SEED ?? "2026-11-25";

const ENTITIES = ["a", "b", "c", "d"];
const IDS = ["1", "2", "*", "[x]", "x:1", "š"];
const REST = ["", ":list:1", ":1:x", ":*", ":š:x"];
const GLOBS = ["*", "*:*", "{id}", "{id}:*", "list:*", "?:x", "[12]", "*:x"];

function randomRules(random: SeededRandom): EntityRules {
  const some = <T>(items: readonly T[], chance: number): T[] => items.filter(() => random.chance(chance));
  return Object.fromEntries(
    some(ENTITIES, 0.85).map((entity) => [
      entity,
      {
        patterns: some(GLOBS, 0.4).map(
          (glob) => `${random.chance(0.9) ? entity : random.pick(ENTITIES)}:${glob}`,
        ),
        relatedEntities: some(ENTITIES, 0.35).map((related) =>
          random.chance(0.4)
            ? {
                entity: related,
                idFrom: random.pick(["$id", "other"]),
                whenUnknown: random.pick(["all", "collections", "nothing"] as const),
              }
            : related,
        ),
        soft: random.chance(0.25),
        scoped: random.chance(0.3),
        dependencies: random.pick(["together", "only", "off"]),
      },
    ]),
  );
}

it(`plan equals apply in ${CASES} random cases (seed ${SEED})`, async () => {
  let taken = 0;
  for (let n = 0; n < CASES; n++) {
    const random = seededRandom(`${SEED}/${n}`);
    const cache = createCache({ store: memoryStore() });
    const invalidator = createCacheInvalidator(cache, {
      rules: randomRules(random),
      cascadeDepth: random.int(0, 4),
      history: { maxRecords: 10 },
    });
    const keys = ENTITIES.flatMap((entity) =>
      [...IDS.map((id) => `:${id}`), ...REST].map((rest) => `${entity}${rest}`),
    ).filter(() => random.chance(0.5));
    for (const key of keys) {
      const dependsOn = random.chance(0.3)
        ? [[random.pick(ENTITIES), random.pick(IDS)] as const, random.pick(ENTITIES)]
        : [];
      await cache.set(key, key, { ttl: 60, staleTtl: 60, dependsOn });
    }
    if (random.chance(0.4)) await cache.invalidatePattern(`${random.pick(ENTITIES)}:*`, { soft: true });
    const events = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => ({
      event: random.pick(Object.values(InvalidationEvent)),
      entityType: random.pick(ENTITIES),
      entityId: random.pick(IDS),
      data: random.pick([undefined, { other: random.pick(IDS) }, { other: [] }]),
    }));
    const state = async () =>
      new Map(
        await Promise.all(
          keys.map(async (key) => [key, (await cache.lookup(key))?.state ?? "gone"] as const),
        ),
      );
    const before = await state();
    const plan = await invalidator.plan(events);
    const alone = await Promise.all(events.map((event) => invalidator.plan(event)));
    expect(await state(), "a plan changes nothing").toEqual(before);
    const keysOf = (plans: readonly InvalidationPlan[], soft: boolean): string[] => {
      const keys = plans.flatMap((each) => each.keys.filter((key) => key.soft === soft));
      return [...new Set(keys.map(({ key }) => key))].sort();
    };
    const hard = keysOf(alone, false);
    const soft = keysOf(alone, true).filter((key) => !hard.includes(key));
    expect([keysOf([plan], false), keysOf([plan], true)], `${SEED}/${n}: as each alone`).toEqual([
      hard,
      soft,
    ]);
    const { keysInvalidated } = await invalidator.apply(events);
    expect(keysInvalidated, `${SEED}/${n}`).toBe(plan.keysInvalidated);
    const planned = new Map(plan.keys.map(({ key, soft }) => [key, soft]));
    for (const [key, now] of await state()) {
      const was = before.get(key);
      const soft = planned.get(key);
      expect(now, `${SEED}/${n} ${key}`).toBe(
        was === "gone" || soft === undefined ? was : soft ? "stale" : "gone",
      );
    }
    taken += keysInvalidated;
    await invalidator.close();
    await cache.clear();
    await cache.close();
  }
  expect(taken).toBeGreaterThan(CASES);
}, 1_800_000);
