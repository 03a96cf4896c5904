import { type AtomicOperation, memoryStore } from "@crm/cache-core";
import { seededRandom } from "@crm/testkit";
import { expect, it } from "vitest";
import { HISTORIES, OPERATIONS, READ } from "../../test/support/compare-calls.ts";
import { adjustLimits } from "./adjust-limits.ts";
import { checkLimits, readChecks } from "./check-limits.ts";
import { checkWindow, readWindow } from "./check-window.ts";
import { checkWindows, readWindows } from "./check-windows.ts";

it("one window: decides and leaves behind what the script for any rules does", async () => {
  let alone = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`window/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const run = (operation: AtomicOperation, key: string, args: readonly (string | number)[]) =>
      store.run(operation, [key], args);
    const windowMs = random.pick([1, 50, 1_000]);
    const plan = (limit: number, shadow: 0 | 1 = 0) =>
      JSON.stringify([1, ["w", "f", limit, windowMs, 0, 0, shadow, 1]]);

    for (let n = 0; n < OPERATIONS; n++) {
      // Now and then the server's clock is set back, or every hit has left.
      now += random.chance(0.05) ? -random.int(1, 2_000) : random.pick([0, 1, 20, 600]);
      const limit = random.pick([3, 3, 3, 1, 10]);
      const cost = random.int(1, 4);
      if (random.chance(0.2)) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        for (const side of ["a:", "b:"]) await run(adjustLimits, side, [what, cost, "", plan(limit), "u"]);
        continue;
      }
      const shadow = random.chance(0.2) ? 1 : 0;
      const asked = [plan(limit, shadow), cost, "u"];
      const [, ...expected] = readChecks(await run(checkLimits, "b:", asked), 4) as number[];
      const quick = readWindow(await run(checkWindow, "a:w:u", [cost, limit, windowMs]));
      if (quick !== null) alone++;
      const reply = quick ?? (readChecks(await run(checkLimits, "a:", asked), 4) as number[]).slice(1);
      expect(reply, `history ${history}, operation ${n}`).toEqual(expected);
      const [a, b] = await Promise.all(["a:w:u", "b:w:u"].map((key) => store.run(READ, [key], [])));
      expect(a, `history ${history}, operation ${n}`).toEqual(b);
    }
    await store.close();
  }
  // It was worth something.
  expect(alone).toBeGreaterThan((HISTORIES * OPERATIONS) / 3);
});

it("several windows: decide and leave behind what the script for any rules does", async () => {
  let alone = 0;
  let refused = 0;
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(`windows/${history}`);
    let now = 1_800_000_000_000;
    const store = memoryStore({ clock: { wall: () => now, monotonic: () => 0, after: () => () => {} } });
    const run = (operation: AtomicOperation, keys: readonly string[], args: readonly (string | number)[]) =>
      store.run(operation, keys, args);
    const rules = Array.from({ length: random.int(2, 4) }, (_, i) => ({
      part: `w${i}`,
      windowMs: random.pick([1, 50, 1_000, 60_000]),
      limit: random.int(1, 8),
    }));
    const plan = JSON.stringify([
      1,
      ...rules.map(({ part, windowMs, limit }) => [part, "f", limit, windowMs, 0, 0, 0, 1]),
    ]);
    const keysOn = (side: string): string[] => rules.map(({ part }) => `${side}${part}:u`);
    for (let n = 0; n < OPERATIONS; n++) {
      now += random.chance(0.05) ? -random.int(1, 2_000) : random.pick([0, 1, 20, 600]);
      const cost = random.int(1, 3);
      if (random.chance(0.1)) {
        const what = random.pick(["give", "penalty", "block", "unblock", "reset"]);
        for (const side of ["a:", "b:"]) await run(adjustLimits, [side], [what, cost, "", plan, "u"]);
        continue;
      }
      const width = 1 + 3 * rules.length;
      const [, ...expected] = readChecks(
        await run(checkLimits, ["b:"], [plan, cost, "u"]),
        width,
      ) as number[];
      const quick = readWindows(
        await run(checkWindows, keysOn("a:"), [
          cost,
          ...rules.flatMap(({ limit, windowMs }) => [limit, windowMs]),
        ]),
        rules.length,
      );
      if (quick !== null) alone++;
      if (expected.some((figure, i) => i % 3 === 2 && figure > 0)) refused++;
      const reply =
        quick ?? (readChecks(await run(checkLimits, ["a:"], [plan, cost, "u"]), width) as number[]).slice(1);
      expect(reply, `history ${history}, operation ${n}`).toEqual(expected);
      const [a, b] = await Promise.all(
        ["a:", "b:"].map((side) => Promise.all(keysOn(side).map((key) => store.run(READ, [key], [])))),
      );
      expect(a, `history ${history}, operation ${n}`).toEqual(b);
    }
    await store.close();
  }
  expect(alone).toBeGreaterThan((HISTORIES * OPERATIONS) / 4);
  expect(refused).toBeGreaterThan((HISTORIES * OPERATIONS) / 20);
});
