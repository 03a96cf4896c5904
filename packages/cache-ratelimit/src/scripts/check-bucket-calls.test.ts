import { type AtomicOperation, type MemoryDatabase, memoryStore } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { adjustLimits } from "./adjust-limits.ts";
import { checkBucketCalls, readBucketCalls } from "./check-bucket-calls.ts";
import { checkLimits, readChecks } from "./check-limits.ts";

const HISTORIES = 300;
const OPERATIONS = 40;

it("calls of buckets: decide and leave behind what the script for any rules does", async () => {
  let alone = 0;
  let refused = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`buckets/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const run = (operation: AtomicOperation, keys: readonly string[], args: readonly (string | number)[]) =>
      store.run(operation, keys, args);
    const rules = Array.from({ length: random.int(1, 4) }, (_, i) => ({
      part: `b${i}`,
      weight: random.pick([1, 50, 1_000, 60_000]),
      drain: random.pick([1, 1, 3, 7]),
      limit: random.int(1, 8),
    }));
    // A limit that varies from call to call, and with it now and then the weight of a cost.
    const variant = () =>
      rules.map((rule) => ({
        ...rule,
        limit: random.chance(0.9) ? rule.limit : random.int(1, 8),
        weight: random.chance(0.98) ? rule.weight : 20,
      }));
    type Variant = ReturnType<typeof variant>;
    const planOf = (of: Variant) =>
      JSON.stringify([
        1,
        ...of.map(({ part, weight, drain, limit }) => [part, "b", limit, 1_000, weight, drain, 0, 1]),
      ]);
    const all = ["u", "v"].flatMap((subject) => rules.map(({ part }) => `${part}:${subject}`));
    for (let n = 0; n < OPERATIONS; n++) {
      now += random.chance(0.05) ? -random.int(1, 2_000) : random.pick([0, 1, 20, 600]);
      if (random.chance(0.1)) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        const args = [what, random.int(1, 3), "", planOf(rules), random.pick(["u", "v"])];
        for (const side of ["a:", "b:"]) await run(adjustLimits, [side], args);
        continue;
      }
      // Calls of one script meet in the states of a subject.
      const calls = Array.from({ length: random.int(1, 4) }, () => ({
        of: variant(),
        cost: random.int(1, 3),
        subject: random.pick(["u", "v"]),
      }));
      const count = rules.length * calls.length;
      const asked = calls.flatMap(({ of, cost, subject }) => [planOf(of), cost, subject]);
      const [, ...expected] = readChecks(await run(checkLimits, ["b:"], asked), 1 + 3 * count) as number[];
      const keys = [
        ...new Set(calls.flatMap(({ subject }) => rules.map(({ part }) => `a:${part}:${subject}`))),
      ];
      const args = calls.flatMap(({ of, cost, subject }) => [
        of.map(({ limit, weight, drain }) => `${limit}:${weight}:${drain}`).join(","),
        cost,
        ...rules.map(({ part }) => keys.indexOf(`a:${part}:${subject}`) + 1),
      ]);
      const quick = readBucketCalls(await run(checkBucketCalls, keys, args), count);
      if (quick !== null) alone++;
      if (expected.some((figure, i) => i % 3 === 2 && figure > 0)) refused++;
      const reply =
        quick ?? (readChecks(await run(checkLimits, ["a:"], asked), 1 + 3 * count) as number[]).slice(1);
      expect(reply, `history ${history}, operation ${n}`).toEqual(expected);
      const [a, b] = await Promise.all(
        ["a:", "b:"].map((side) => Promise.all(all.map((key) => store.run(READ, [side + key], [])))),
      );
      expect(a, `history ${history}, operation ${n}`).toEqual(b);
    }
    await store.close();
  }
  // It was worth something.
  expect(alone).toBeGreaterThan((HISTORIES * OPERATIONS) / 4);
  expect(refused).toBeGreaterThan((HISTORIES * OPERATIONS) / 20);
});

/** The bytes under a key, and when they expire. */
const READ: AtomicOperation = {
  name: "read",
  lua: "",
  run: (database: MemoryDatabase, [key]) => [database.get(key as string), database.pttl(key as string)],
};
